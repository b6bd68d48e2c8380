package consoletest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// page is one tab of the browser.
type page struct {
	t      testing.TB
	ctx    context.Context //nolint:containedctx // chromedp knows a tab by its context
	server *server

	mu       sync.Mutex
	leaves   string   // see options
	problems []string // violations of the policy, errors of scripts
	hosts    map[string]bool
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fatalf("%v", err)
	}
}

// fatalf fails the test and tells what the page shows.
func (p *page) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s\nthe page shows:\n%s", fmt.Sprintf(format, args...), p.outline())
}

// watch notes what the page must not do.
func (p *page) watch() {
	p.hosts = map[string]bool{}
	err := chromedp.Listen(p.ctx, func(event any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
				p.problems = append(p.problems, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			p.problems = append(p.problems, e.ExceptionDetails.Text+" "+exceptionText(e.ExceptionDetails))
		case *network.EventRequestWillBeSent:
			if p.leaves != "" && strings.HasPrefix(e.DocumentURL, "https://"+p.leaves+"/") {
				return // what the provider's own pages ask is the provider's
			}
			if rest, ok := strings.CutPrefix(e.Request.URL, "http"); ok {
				p.hosts[strings.SplitN(rest, "/", 4)[2]] = true
			}
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, enable := range []func() error{
		func() error { _, err := chromedp.Call(p.ctx, log.Enable, cdp.Empty{}); return err },
		func() error { _, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{}); return err },
		func() error { _, err := chromedp.Call(p.ctx, runtime.Enable, cdp.Empty{}); return err },
	} {
		if err := enable(); err != nil {
			p.t.Fatal(err)
		}
	}
}

func exceptionText(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return ""
	}
	return d.Exception.Description
}

// check fails the test for what was noted.
func (p *page) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("the page did what it must not: %.500s", problem)
	}
	for host := range p.hosts {
		if !strings.HasPrefix(host, "127.0.0.1:") && host != p.leaves {
			p.t.Errorf("the page asked %s", host)
		}
	}
}

func (p *page) emulate(o options) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: o.width, Height: o.height, DeviceScaleFactor: 1, Mobile: o.width < 600,
	}); err != nil {
		p.t.Fatal(err)
	}
	scheme := "light"
	if o.dark {
		scheme = "dark"
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) eval(expression string) {
	p.t.Helper()
	evaluate[any](p, "{"+expression+"; true}")
}

func evaluate[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fatalf("%s: %v", expression, err)
	}
	return value
}

// waitFor waits until an expression is true. While one page gives way to another it
// cannot be asked, and is not yet.
func (p *page) waitFor(expression string) {
	p.t.Helper()
	p.until(expression, func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")", chromedp.EvalAwaitPromise))
		return err == nil && is
	})
}

func (p *page) until(what string, true func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	for !true() {
		select {
		case <-deadline:
			p.fatalf("waited in vain for %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// find finds the nodes that have a role and a name for a screen reader.
func (p *page) find(role, name string) []cdp.BackendNodeID {
	document, err := chromedp.Call(p.ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil // the page is changing
	}
	found, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		NodeID: document.Root.NodeID, AccessibleName: name, Role: role,
	})
	if err != nil {
		return nil
	}
	var ids []cdp.BackendNodeID
	for _, node := range found.Nodes {
		if !node.Ignored && p.visible(node.BackendDOMNodeID) {
			ids = append(ids, node.BackendDOMNodeID)
		}
	}
	return ids
}

// links finds the links whose names end so.
func (p *page) links(suffix string) []cdp.BackendNodeID {
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return nil // the page is changing
	}
	var ids []cdp.BackendNodeID
	for _, node := range tree.Nodes {
		if !node.Ignored && value(node.Role) == "link" && strings.HasSuffix(value(node.Name), suffix) {
			ids = append(ids, node.BackendDOMNodeID)
		}
	}
	return ids
}

func (p *page) visible(id cdp.BackendNodeID) bool {
	box, err := chromedp.Call(p.ctx, dom.GetBoxModel, dom.GetBoxModelParams{BackendNodeID: id})
	return err == nil && box.Model.Width > 0 && box.Model.Height > 0
}

// the waits for the one node of a role and a name.
func (p *page) the(role, name string) {
	p.t.Helper()
	p.until(fmt.Sprintf("one %s named %q", role, name), func() bool { return len(p.find(role, name)) == 1 })
}

// heading waits for a screen by its heading.
func (p *page) heading(name string) {
	p.t.Helper()
	quoted, _ := json.Marshal(name) // of a string it cannot fail
	p.waitFor("document.querySelector('#content h1')?.innerText.trim() === " + string(quoted))
}

// click clicks the one node of a role and a name.
func (p *page) click(role, name string) {
	p.t.Helper()
	p.until(fmt.Sprintf("one %s named %q to click", role, name), func() bool {
		ids := p.find(role, name)
		return len(ids) == 1 && p.clickNode(ids[0])
	})
}

// clickFirst clicks the first of several.
func (p *page) clickFirst(role, name string) {
	p.t.Helper()
	p.until(fmt.Sprintf("a %s named %q to click", role, name), func() bool {
		ids := p.find(role, name)
		return len(ids) > 0 && p.clickNode(ids[0])
	})
}

// clickLast clicks the last of several: that of a dialog over its page.
func (p *page) clickLast(role, name string) {
	p.t.Helper()
	p.until(fmt.Sprintf("several %ss named %q to click the last", role, name), func() bool {
		ids := p.find(role, name)
		return len(ids) > 1 && p.clickNode(ids[len(ids)-1])
	})
}

// clickLink clicks the first link whose name ends so.
func (p *page) clickLink(suffix string) {
	p.t.Helper()
	p.until("a link named …"+suffix+" to click", func() bool {
		ids := p.links(suffix)
		return len(ids) > 0 && p.clickNode(ids[0])
	})
}

// clickNode clicks with the mouse where a node is, unless the page is changing: then the
// node has gone, or does not stay in its place.
func (p *page) clickNode(id cdp.BackendNodeID) (clicked bool) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: id}); err != nil {
		return false
	}
	x, y, is := p.middle(id)
	time.Sleep(20 * time.Millisecond) // a frame
	if x2, y2, stays := p.middle(id); !is || !stays || x != x2 || y != y2 {
		return false
	}
	p.do(chromedp.MouseClickXY(x, y))
	return true
}

// middle is where a node is, if it is anywhere.
func (p *page) middle(id cdp.BackendNodeID) (x, y float64, is bool) {
	found, err := chromedp.Call(p.ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: id})
	if err != nil || len(found.Quads) == 0 {
		return 0, 0, false
	}
	q := found.Quads[0]
	return (q[0] + q[4]) / 2, (q[1] + q[5]) / 2, true
}

// fill replaces the text of a field.
func (p *page) fill(name, text string) {
	p.t.Helper()
	p.focus("textbox", name)
	p.retype(text)
}

// retype replaces the text of what has the focus.
func (p *page) retype(text string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	if _, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		p.fatalf("type: %v", err)
	}
}

// focus gives the focus to the one node of a role and a name.
func (p *page) focus(role, name string) {
	p.t.Helper()
	p.until(fmt.Sprintf("one %s named %q to focus", role, name), func() bool {
		ids := p.find(role, name)
		if len(ids) != 1 {
			return false
		}
		_, err := chromedp.Call(p.ctx, dom.Focus, dom.FocusParams{BackendNodeID: ids[0]})
		return err == nil
	})
}

// choose chooses an option of a select.
func (p *page) choose(name, option string) {
	p.t.Helper()
	p.click("button", name)
	p.click("option", option)
}

// see waits until the page shows a text.
func (p *page) see(text string) {
	p.t.Helper()
	quoted, _ := json.Marshal(text) // of a string it cannot fail
	p.waitFor("document.body.innerText.includes(" + string(quoted) + ")")
}

// outline lists roles and names of what the page has.
func (p *page) outline() string {
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, node := range tree.Nodes {
		role, name := value(node.Role), value(node.Name)
		if node.Ignored || name == "" || role == "InlineTextBox" {
			continue
		}
		fmt.Fprintf(&b, "  %s %q\n", role, name)
	}
	return b.String()
}

func value(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}
