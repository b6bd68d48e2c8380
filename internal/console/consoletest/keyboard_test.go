package consoletest

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboard signs in and creates an identity provider without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := s.open(options{})
	p.tabTo("textbox", "Access key ID") // it has the focus
	p.typeText(s.id)
	p.tabTo("textbox", "Secret access key")
	p.typeText(s.secret)
	p.press(kb.Enter)
	p.heading("Daypass")
	p.tabTo("link", "Identity providers")
	p.press(kb.Enter)
	p.heading("Identity providers (0)")
	p.waitFor("document.activeElement.tagName === 'H1'") // a new screen has the focus
	p.tabTo("link", "Add provider")
	p.press(kb.Enter)
	p.heading("Add an identity provider")
	p.tabTo("textbox", "Provider URL")
	p.typeText("https://gitlab.example.com")
	p.tabTo("textbox", "Audience")
	p.typeText("https://gitlab.example.com")
	p.tabTo("textbox", "Thumbprints – optional")
	p.typeText(thumbprint)
	p.tabTo("button", "Add provider")
	p.press(kb.Enter)
	p.heading("gitlab.example.com")

	// An editor is no trap: Tab leaves it.
	p.goTo("policies", "create")
	p.tabTo("textbox", "Policy document")
	p.tabTo("button", "Review policy")
	if listed := s.aws("iam", "list-open-id-connect-providers"); !strings.Contains(listed, "gitlab.example.com") {
		t.Errorf("the account has %s", listed)
	}
}

func (p *page) press(key string) { p.t.Helper(); p.do(chromedp.KeyEvent(key)) }

func (p *page) typeText(text string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		p.fatalf("type: %v", err)
	}
}

// tabTo presses Tab until a node has the focus.
func (p *page) tabTo(role, name string) {
	p.t.Helper()
	var wanted []cdp.BackendNodeID
	p.until(role+" "+name, func() bool {
		wanted = p.find(role, name)
		return len(wanted) > 0
	})
	for range 120 {
		focused := p.focused()
		for _, id := range wanted {
			if id == focused {
				return
			}
		}
		p.press(kb.Tab)
	}
	p.fatalf("Tab does not reach %s %q", role, name)
}

// focused is the node that has the focus, in whatever shadow root it is.
func (p *page) focused() cdp.BackendNodeID {
	p.t.Helper()
	object, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: "(() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement; return e; })()",
	})
	if err != nil {
		p.fatalf("focus: %v", err)
	}
	node, err := chromedp.Call(p.ctx, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: object.Result.ObjectID})
	if err != nil {
		p.fatalf("focus: %v", err)
	}
	return node.Node.BackendNodeID
}
