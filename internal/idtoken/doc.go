// Package idtoken knows what the ID tokens of CI systems and other issuers say,
// so that a trust policy written for one of them can be tried.
//
// Each kind is a file in kinds: the settings that a token of it is made from,
// with defaults, and the claims, whose values refer to the settings. A new kind
// is a new file. Kind.Claims fills one in; signing is the caller's, under an
// issuer that it owns.
//
// The language of the files:
//
//	{name}          the setting of that name, or one of iss, aud, iat, nbf, exp,
//	                uuid (a fresh version 4 UUID) and iat+SECONDS
//	{name|filter}   the same, changed: see filters
//	{{ and }}       braces
//	"if"            "name", "!name" or "name=value", or "name~value" for a list
//	                that holds the value; several by commas, all must hold. Of the
//	                entries that share a name the first that holds is taken.
//	{"$if":…,"$value":…}    a value inside another, or its absence
//	{"$join":s,"$parts":…}  of the parts those that the setting s lists, in its
//	                        order, with colons between
//
// A value that is one reference and nothing else has its type: iat is a number,
// aud a string or a list.
//
// Sources: each file names its own.
package idtoken
