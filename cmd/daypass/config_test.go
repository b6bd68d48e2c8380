package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// configured is what a file, an environment and a command line amount to.
func configured(t *testing.T, file string, environment map[string]string, args ...string) (server.Config, string, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "daypass.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte(testCertificate), 0o600); err != nil {
		t.Fatal(err)
	}
	var settings *configuration
	var config server.Config
	c := serveCommand(func(c *cobra.Command, s *configuration, file string) error {
		settings = s
		err := s.complete(c, file, func(name string) string { return environment[name] })
		if err == nil {
			config, err = s.server()
		}
		return err
	})
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(append([]string{"--config", path}, args...))
	err := c.Execute()
	if settings == nil && err == nil {
		t.Fatal("the command did not run")
	}
	return config, dir, err
}

// A certificate of an authority of nobody's, made for this test.
const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBkjCCATmgAwIBAgIUDCllJmXSC5rk0fsS7hkqIfuQBkQwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTYXV0aG9yaXR5IG9mIGEgdGVzdDAgFw0yNjExMjYwNDI3MDha
GA8yMTI2MTEwMjA0MjcwOFowHjEcMBoGA1UEAwwTYXV0aG9yaXR5IG9mIGEgdGVz
dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLfLXH9tAbHuPbK6mWkeqE8XXQSH
j/i58Oj5Vb/T1YVFJANif7omcgNM7hnIQnlW3L81e6vZUTyWuC/tzH20ruWjUzBR
MB0GA1UdDgQWBBSGxy8meE5eS8MuNSevaS++Obr0STAfBgNVHSMEGDAWgBSGxy8m
eE5eS8MuNSevaS++Obr0STAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cA
MEQCIBn6tIa7K36heetyqE8tZjqTJHddAQPKquAX5esWL92GAiBlzlKX6Np5Qa06
6nEfRsO9zYT/bdp7cShmcm6whjBhiA==
-----END CERTIFICATE-----
`

// TestConfigurationFile gives every key a value.
func TestConfigurationFile(t *testing.T) {
	t.Parallel()
	config, dir, err := configured(t, `
listen: 127.0.0.1:1
data: var
account: 012345678901
tlsCert: tls.pem
tlsKey: /etc/tls.key
issuerCa: ca.pem
events: "-"
readyFile: ../ready
explainToCaller: true
extendedClaims: [https://one.example]
staleKeys: 90m
providers:
  - url: https://two.example
    ca: ca.pem
    discoveryUrl: https://inside.example/document
    proxy: http://user:word@proxy.example:3128
    extendedClaims: true
    oneUseTokens: true
  - url: https://three.example/path/
    keysFile: keys.json
    proxy: none
egress:
  denyPrivate: true
  allow: [10.1.2.0/24, 10.9.9.9]
  deny: ["2001:db8::/32"]
  allowLoopback: true
  proxy: https://proxy.example
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string][2]any{
		"Listen":          {config.Listen, "127.0.0.1:1"},
		"DataDir":         {config.DataDir, filepath.Join(dir, "var")},
		"Account":         {config.Account, "012345678901"},
		"CertFile":        {config.CertFile, filepath.Join(dir, "tls.pem")},
		"KeyFile":         {config.KeyFile, "/etc/tls.key"},
		"EventsFile":      {config.EventsFile, "-"},
		"ReadyFile":       {config.ReadyFile, filepath.Join(filepath.Dir(dir), "ready")},
		"ExplainToCaller": {config.ExplainToCaller, true},
		"ExtendedClaims":  {config.ExtendedClaims, []string{"https://one.example", "https://two.example"}},
		"OneUseTokens":    {config.OneUseTokens, []string{"https://two.example"}},
		"StaleFor":        {config.Issuers.StaleFor, 90 * time.Minute},
		"Proxy":           {config.Issuers.Proxy.String(), "https://proxy.example"},
		"DenyPrivate":     {config.Issuers.Egress.DenyPrivate, true},
		"AllowLoopback":   {config.Issuers.Egress.AllowLoopback, true},
		"Allow":           {texts(config.Issuers.Egress.Allow), []string{"10.1.2.0/24", "10.9.9.9/32"}},
		"Deny":            {texts(config.Issuers.Egress.Deny), []string{"2001:db8::/32"}},
	} {
		if diff := cmp.Diff(got[1], got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	two, three := config.Issuers.Providers["https://two.example"], config.Issuers.Providers["https://three.example/path/"]
	if config.Roots == nil || two.Roots == nil || two.DiscoveryURL != "https://inside.example/document" || two.Proxy.Host != "proxy.example:3128" || two.NoProxy || two.KeysFile != "" {
		t.Errorf("the first provider is %+v", two)
	}
	if three.KeysFile != filepath.Join(dir, "keys.json") || !three.NoProxy || three.Proxy != nil || three.Roots != nil {
		t.Errorf("the second provider is %+v", three)
	}
}

func texts(list []netip.Prefix) []string {
	var all []string
	for _, p := range list {
		all = append(all, p.String())
	}
	return all
}

// TestConfigurationOrder: a flag before the environment, that before the file,
// that before the default.
func TestConfigurationOrder(t *testing.T) {
	t.Parallel()
	const file = "listen: file:1\naccount: 000000000001\nevents: file\nexplainToCaller: true\nextendedClaims: [https://file.example]\negress: {proxy: http://file}\n"
	environment := map[string]string{
		"DAYPASS_LISTEN": "environment:1", "DAYPASS_ACCOUNT": "000000000002", "DAYPASS_EXTENDED_CLAIMS": "https://a.example https://b.example",
		"DAYPASS_EGRESS_PROXY": "http://environment", "DAYPASS_EVENTS": "", "DAYPASS_PORT": "tcp://10.0.0.1:80",
	}
	config, dir, err := configured(t, file, environment, "--listen", "flag:1", "--explain-to-caller=false")
	if err != nil {
		t.Fatal(err)
	}
	if config.Listen != "flag:1" || config.Account != "000000000002" || config.EventsFile != filepath.Join(dir, "file") || config.ExplainToCaller || config.Issuers.Proxy.Host != "environment" {
		t.Errorf("configuration is %+v", config)
	}
	if want := []string{"https://a.example", "https://b.example"}; !slices.Equal(config.ExtendedClaims, want) {
		t.Errorf("extended claims are %q", config.ExtendedClaims)
	}
	config, _, err = configured(t, file, environment, "--extended-claims", "https://c.example", "--extended-claims", "https://d.example")
	if want := []string{"https://c.example", "https://d.example"}; err != nil || !slices.Equal(config.ExtendedClaims, want) {
		t.Errorf("extended claims are %q, error %v", config.ExtendedClaims, err)
	}
	for _, empty := range []string{"", "# nothing\n", "---\n# nothing\n...\n", "{}"} {
		config, _, err = configured(t, empty, nil, "--data", "d")
		if err != nil || config.Listen != "127.0.0.1:8350" || config.Account != server.DefaultAccount || config.DataDir != "d" || config.Issuers.StaleFor != 0 {
			t.Errorf("%q: configuration is %+v, error %v", empty, config, err)
		}
	}
	config, _, err = configured(t, "staleKeys: 0s", nil, "--data", "d")
	if err != nil || config.Issuers.StaleFor >= 0 {
		t.Errorf("never is %v, error %v", config.Issuers.StaleFor, err)
	}
}

// TestConfigurationsThatAreRefused: each with its line, as a wrong call.
func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"listen: a\nlisen: x\n":    "line 2: there is no key lisen here",
		"Listen: a\n":              "line 1: there is no key Listen here",
		"listen: a\n\nlisten: b\n": `line 3: mapping key "listen" already defined at line 1`,
		"listen:\n":                "line 1: listen is empty",
		"listen: ~\n":              "line 1: listen is empty",
		"extendedClaims:\n- ~\n":   "line 2: a value is empty",
		"providers:\n- url: https://x\n  keyfile: y\n":                             "line 3: there is no key keyfile here",
		"providers:\n- url: https://x\n  url: y\n":                                 `line 3: mapping key "url" already defined at line 2`,
		"egress:\n  deny: []\n  private: false\n":                                  "line 3: there is no key private here",
		"egress:\n  allow: [10.0.0.1/8]\n":                                         `line 2: "10.0.0.1/8" is no range of addresses`,
		"egress:\n  deny:\n  - 10.0.0.0/33\n":                                      `line 3: "10.0.0.0/33" is no range`,
		"egress:\n  deny: ['fe80::1%eth0']\n":                                      "line 2:",
		"egress:\n  proxy: socks5://x\n":                                           "line 2: proxy is no URL",
		"egress:\n  proxy: 'http://user:pass word@x'\n":                            "line 2: proxy is no URL",
		"staleKeys: 24\n":                                                          `line 1: "24" is no duration`,
		"staleKeys: -1h\n":                                                         `line 1: "-1h" is no duration`,
		"explainToCaller: maybe\n":                                                 "line 1: cannot construct",
		"listen: [a]\n":                                                            "line 1: cannot construct",
		"timeouts: {idle: 0s}\n":                                                   "timeouts.idle is 0s; give up to 1h",
		"audit: {keepFor: 24h}\n":                                                  "audit.keepFor is 24h0m0s; 48h is the least",
		"audit: {keepFor: 0s}\n":                                                   "leave it out to keep events for ever",
		"audit: {keepBytes: 1000000}\n":                                            "audit.keepBytes is 1000000; 100000000 is the least",
		"audit: {sinks: [{name: a, type: mail}]}\n":                                "none of stdout, syslog, webhook and s3",
		"audit: {sinks: [{name: a, type: stdout, url: 'https://a'}]}\n":            "url is for the type webhook",
		"audit: {sinks: [{name: a, type: stdout, onFailure: block}]}\n":            "neither fail-closed nor count",
		"audit: {sinks: [{name: a, type: webhook, url: 'http://siem.example'}]}\n": "audit.sinks[0] a: url is http",
		"audit: {sinks: [{name: a, type: syslog, address: 'udp://h:1'}]}\n":        "address is not tls://",
		"- listen\n":                  "line 1: the document must be a mapping",
		"listen\n":                    "line 1: the document must be a mapping",
		"listen: a\n---\nlisten: b\n": "line 2: a second document begins",
		"a: [\n":                      "L2.C1",
		"providers: [{ca: ca.pem}]\n": "providers[0] has no url",
		"providers: [{url: 'https://a'}, {url: 'https://a'}]\n":            "providers[1]: https://a has an entry before",
		"listen: " + strings.Repeat("a", maxConfiguration):                 "has more than 1048576 bytes",
		"providers:\n- url: https://x\n  proxy: http://h\n  proxy: none\n": `line 4: mapping key "proxy" already defined`,
	} {
		_, _, err := configured(t, file, nil, "--data", "d")
		var usage usageError
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &usage) || strings.Contains(err.Error(), "pass word") {
			t.Errorf("%.60q: error is %v, want %q", file, err, want)
		}
	}
	for name, value := range map[string]string{"DAYPASS_EXPLAIN_TO_CALLER": "maybe", "DAYPASS_EGRESS_PROXY": "proxy"} {
		if _, _, err := configured(t, "", map[string]string{name: value}, "--data", "d"); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	for file, want := range map[string]string{
		"providers: [{url: 'https://a', ca: nothere.pem}]\n":  "providers[0].ca: open",
		"providers: [{url: 'https://a', ca: daypass.yaml}]\n": "holds no certificate",
		"issuerCa: daypass.yaml\n":                            "holds no certificate",
	} {
		if _, _, err := configured(t, file, nil, "--data", "d"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", file, err, want)
		}
	}
}
