// Package twiddler has no code of its own. Its tests keep the rules of the
// whole program: which package may import which, and what must stay pure.
package twiddler
