# Makes calls with RPC::XML: calls.pl URL, calls as a JSON list of lists on
# standard input. Prints the answers as JSON, one a line.
use strict;
use warnings;
use JSON::PP;
use RPC::XML;
use RPC::XML::Client;

$RPC::XML::ENCODING = 'UTF-8';
$| = 1;
my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my $client = RPC::XML::Client->new($ARGV[0]);

# The parameters of JSON's types that Perl alone cannot tell apart.
sub typed {
    my ($v) = @_;
    return RPC::XML::boolean->new($v ? 1 : 0) if JSON::PP::is_bool($v);
    return RPC::XML::array->new(map { typed($_) } @$v) if ref $v eq 'ARRAY';
    return RPC::XML::struct->new({ map { $_ => typed($v->{$_}) } keys %$v }) if ref $v eq 'HASH';
    return RPC::XML::int->new($v) if $json->encode($v) =~ /^-?\d+$/;
    return RPC::XML::string->new($v);
}

my $calls = $json->decode(do { local $/; <STDIN> });
for my $call (@$calls) {
    my ($method, @params) = @$call;
    my $answer = $client->send_request($method, map { typed($_) } @params);
    if (!ref $answer) {
        print $json->encode({ error => $answer }), "\n";
    } elsif ($answer->is_fault) {
        print $json->encode({ fault => [ $answer->code, $answer->string ] }), "\n";
    } else {
        print $json->encode({ type => $answer->type, value => $answer->value }), "\n";
    }
}
