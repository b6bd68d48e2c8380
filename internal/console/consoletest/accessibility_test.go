package consoletest

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/chromedp/chromedp"
)

// violation is what axe-core finds against the Web Content Accessibility
// Guidelines 2.2, levels A and AA, and its own best practices.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Nodes  []struct {
		HTML           string `json:"html"`
		FailureSummary string `json:"failureSummary"`
	} `json:"nodes"`
}

// testAccessibleInLight: axe-core finds nothing serious or critical on any screen.
func (s *server) testAccessibleInLight(screens []screen) { s.testAccessible(options{}, screens) }

// testAccessibleInDark asks again what depends on colours.
func (s *server) testAccessibleInDark(screens []screen) {
	s.testAccessible(options{dark: true}, screens)
}

func (s *server) testAccessible(o options, screens []screen) {
	axe, err := os.ReadFile("../../../console/node_modules/axe-core/axe.min.js")
	if err != nil {
		lacking(s.t, "axe-core in console/node_modules")
	}
	p := s.open(o)
	p.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	p.waitFor("document.querySelector('form')")
	p.axe(o.dark, "sign in")
	p.signIn()
	for _, sc := range screens {
		p.show(sc)
		p.axe(o.dark, strings.Join(sc.path, "/"))
	}
}

func (p *page) axe(contrastOnly bool, where string) {
	p.t.Helper()
	rules := "{resultTypes: ['violations']}"
	if contrastOnly {
		rules = "{resultTypes: ['violations'], runOnly: ['color-contrast', 'link-in-text-block']}"
	}
	found := evaluate[string](p, "axe.run(document, "+rules+").then((r) => JSON.stringify(r.violations))")
	var violations []violation
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		p.t.Fatal(err)
	}
	for _, v := range violations {
		if v.Impact != "serious" && v.Impact != "critical" {
			continue
		}
		for _, node := range v.Nodes {
			p.t.Errorf("%s: %s, %s: %.300s\n%s", where, v.Impact, v.ID, node.HTML, node.FailureSummary)
		}
	}
}
