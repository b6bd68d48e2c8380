package policy

import (
	"net/netip"
	"strings"
)

// Public reports whether the policy of a resource is public: whether a statement
// allows to everyone, and no condition of it fixes who that is (S3 User Guide,
// "Blocking public access to your Amazon S3 storage", the meaning of "public",
// which is taken for other services too). One that cannot be read allows nothing.
func (d *Document) Public() bool {
	for _, statement := range d.Statements() {
		if statement.Denies() || !statement.Everyone() {
			continue
		}
		fixed := false
		for _, c := range statement.Conditions() {
			fixed = fixed || fixes(c)
		}
		if !fixed {
			return true
		}
	}
	return false
}

// fixing are the condition keys that say who asks, in lower case (same page). Of
// aws:userid a fixed value may end in ":*", of the sessions of one role.
var fixing = map[string]bool{
	"aws:principalarn":     true,
	"aws:principalaccount": true,
	"aws:principalorgid":   true,
	"aws:sourcearn":        true,
	"aws:sourceaccount":    true,
	"aws:sourceowner":      true,
	"aws:sourceorgid":      true,
	"aws:sourcevpc":        true,
	"aws:sourcevpce":       true,
	"aws:sourceip":         true,
	"aws:userid":           true,
	"s3:x-amz-server-side-encryption-aws-kms-key-id": true,
	"s3:dataaccesspointarn":                          true,
	"s3:dataaccesspointaccount":                      true,
}

// fixes reports whether a condition leaves only who is known: by an operator of
// equality, with values in which nothing is open.
func fixes(c ConditionView) bool {
	key := strings.ToLower(c.Key)
	if !fixing[key] {
		return false
	}
	switch strings.ToLower(c.Operator) {
	case "ipaddress":
		return key == "aws:sourceip" && all(c.Values, narrow)
	case "stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike":
		return key != "aws:sourceip" && all(c.Values, func(value string) bool {
			if key == "aws:userid" && strings.HasPrefix(value, "AROA") {
				value = strings.TrimSuffix(value, ":*")
			}
			return value != "" && !strings.ContainsAny(value, "*?$")
		})
	}
	return false
}

func all(values []string, ok func(string) bool) bool {
	for _, value := range values {
		if !ok(value) {
			return false
		}
	}
	return len(values) > 0
}

// narrow reports whether a network is no broader than S3 takes for private: /8
// of IPv4, /32 of IPv6, and the private networks (same page).
func narrow(value string) bool {
	if !strings.Contains(value, "/") {
		_, err := netip.ParseAddr(value)
		return err == nil
	}
	network, err := netip.ParsePrefix(value)
	if err != nil {
		return false
	}
	if network.Addr().Is4() {
		return network.Bits() >= 8
	}
	return network.Bits() >= 32
}
