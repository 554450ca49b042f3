# Prints numbered lines until the file that it was given exists, then says so.
use strict;
use warnings;

$| = 1;
my $n = 0;
until (-e $ARGV[0]) {
    print "line ", ++$n, "\n";
    select undef, undef, undef, 0.0005;
}
print "end\n";
sleep;
