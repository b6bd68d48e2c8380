package consoletest

// testHostileText: text that would run as markup is shown as text on every screen,
// and whatever of the route comes from elsewhere too.
func (s *server) testHostileText(screens []screen) {
	s.t.Helper()
	p := s.open(options{})
	p.signIn()
	for _, sc := range screens {
		p.show(sc)
	}
	for _, path := range [][]string{
		{"roles", "view", hostile},
		{"users", "view", hostile},
		{"policies", "view", hostile},
		{"providers", "view", hostile},
		{"secrets", "view", hostile},
		{"buckets", "view", hostile},
		{hostile},
		{"roles", "view", "javascript:window.ran=1"},
	} {
		p.goTo(path...)
		p.waitFor("document.querySelector('#content h1')")
	}
	p.show(screen{[]string{"roles", "view", "deploy"}, shows(hostile)})
	p.click("tab", "Trust relationships")
	p.the("textbox", "Trust policy of deploy")
	p.show(screen{[]string{"policies", "view", policy}, shows(hostile)})
	p.click("tab", "Policy versions")
	p.click("radio", "Select v1")
	p.the("textbox", "Version v1 compared with v1")
	p.show(screen{[]string{"secrets", "view", s.secretARN()}, shows("AWSCURRENT")})
	p.click("button", "Retrieve secret value")
	p.see(hostile)
	p.show(screen{[]string{"buckets", "view", "builds"}, shows(hostileKey)})
	if evaluate[bool](p, "'ran' in window") {
		s.t.Error("a script ran that was text")
	}
	if n := evaluate[int](p, "document.querySelectorAll('img[src=x], script:not([src])').length"); n != 0 {
		s.t.Errorf("%d elements were made of text", n)
	}
}
