package consoletest

import "strings"

// testPhone: at a phone's width no screen scrolls sideways.
func (s *server) testPhone(screens []screen) {
	p := s.open(options{width: 360, height: 740})
	p.noSideways("sign in")
	p.signIn()
	for _, sc := range screens {
		p.show(sc)
		p.noSideways(strings.Join(sc.path, "/"))
	}
}

func (p *page) noSideways(where string) {
	p.t.Helper()
	type widths struct{ Page, Window int }
	if w := evaluate[widths](p, "({Page: document.documentElement.scrollWidth, Window: innerWidth})"); w.Page > w.Window || w.Window > 360 {
		p.t.Errorf("%s is %d wide in a window of %d", where, w.Page, w.Window)
	}
}
