package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// guest is a browser without scripts and without cookies: it knows the page
// it shows, and goes on by its links and buttons alone.
type guest struct {
	t      testing.TB
	origin string
	// header goes with every request.
	header http.Header
	// files are chosen in file inputs, by name.
	files map[string]chosenFile
	page  shownPage
}

type chosenFile struct {
	name string
	body []byte
}

type shownPage struct {
	path   string
	status int
	header http.Header
	body   string
	root   *html.Node
}

// newGuest is a person whose browser prefers a language.
func newGuest(t testing.TB, p *process, lang string) *guest {
	return &guest{
		t: t, origin: p.url, files: map[string]chosenFile{},
		header: http.Header{"Accept-Language": {lang + ";q=0.9"}, "Sec-Fetch-Dest": {"document"}},
	}
}

func (g *guest) get(path string) {
	g.t.Helper()
	g.send(http.MethodGet, path, "", nil)
}

// post sends a form that stands on no page of ours.
func (g *guest) post(path string, form url.Values) {
	g.t.Helper()
	g.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

func (g *guest) send(method, path, kind string, body io.Reader) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.origin+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header = g.header.Clone()
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	if cookies := answer.Cookies(); len(cookies) > 0 {
		g.t.Errorf("%s %s sets the cookies %v", method, path, cookies)
	}
	got := shownPage{path: path, status: answer.StatusCode, header: answer.Header, body: string(b)}
	if got.root, err = html.Parse(bytes.NewReader(b)); err != nil {
		g.t.Fatal(err)
	}
	g.page = got
}

// all are the elements of the page with a name; "" is any.
func (p shownPage) all(name string) []*html.Node { return elements(p.root, name) }

func elements(root *html.Node, name string) (found []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func set(n *html.Node, name, value string) {
	unset(n, name)
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

func unset(n *html.Node, name string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func isA(n *html.Node, class string) bool {
	return slices.Contains(strings.Fields(attr(n, "class")), class)
}

// textOf is the text of an element in one line.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (p shownPage) byID(id string) *html.Node {
	for _, n := range p.all("") {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// main is the text of the page's own part.
func (p shownPage) main() string {
	if n := p.byID("main"); n != nil {
		return textOf(n)
	}
	return p.body
}

// title is the heading of the page.
func (p shownPage) title() string {
	if n := p.byID("title"); n != nil {
		return textOf(n)
	}
	return ""
}

// phase is what goes on, as the page itself says; "" where nothing does.
func (p shownPage) phase() string {
	if n := p.byID("progress"); n != nil {
		return attr(n, "data-phase")
	}
	return ""
}

// formOf is the form that a control belongs to.
func (p shownPage) formOf(control *html.Node) *html.Node {
	if id := attr(control, "form"); id != "" {
		return p.byID(id)
	}
	for n := range control.Ancestors() {
		if n.Type == html.ElementNode && n.Data == "form" {
			return n
		}
	}
	return nil
}

// primary is the one button that leads on.
func (g *guest) primary() *html.Node {
	g.t.Helper()
	var found []*html.Node
	for _, n := range g.page.all("button") {
		if isA(n, "primary") && !isA(n, "with-script") {
			found = append(found, n)
		}
	}
	if len(found) != 1 {
		g.t.Fatalf("%d buttons lead on from %q: %s", len(found), g.page.title(), g.page.main())
	}
	return found[0]
}

// button is the first that sends a form to an address with this end.
func (g *guest) button(end string) *html.Node {
	g.t.Helper()
	for _, n := range g.page.all("button") {
		form := g.page.formOf(n)
		action := attr(n, "formaction")
		if action == "" && form != nil {
			action = attr(form, "action")
		}
		if strings.HasSuffix(action, end) {
			return n
		}
	}
	g.t.Fatalf("no button to …%s on %q: %s", end, g.page.title(), g.page.main())
	return nil
}

// next presses the button that leads on.
func (g *guest) next() {
	g.t.Helper()
	g.press(g.primary())
}

// press sends the form of a button as a browser does.
func (g *guest) press(button *html.Node) {
	g.t.Helper()
	form := g.page.formOf(button)
	if form == nil {
		g.t.Fatalf("the button %q has no form", textOf(button))
	}
	action, method := attr(button, "formaction"), attr(form, "method")
	if action == "" {
		action = attr(form, "action")
	}
	if action == "" || method != "post" {
		g.t.Fatalf("the form of %q is sent to %q by %q", textOf(button), action, method)
	}
	pairs := g.pairs(form, !has(form, "novalidate") && !has(button, "formnovalidate"))
	if name := attr(button, "name"); name != "" {
		pairs = append(pairs, [2]string{name, attr(button, "value")})
	}
	if attr(form, "enctype") == "multipart/form-data" {
		g.sendMultipart(action, form, pairs)
		return
	}
	values := url.Values{}
	for _, pair := range pairs {
		values.Add(pair[0], pair[1])
	}
	g.post(action, values)
}

// sendMultipart sends a form with its chosen files.
func (g *guest) sendMultipart(action string, form *html.Node, pairs [][2]string) {
	g.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, pair := range pairs {
		g.must(w.WriteField(pair[0], pair[1]))
	}
	for _, n := range elements(form, "input") {
		if attr(n, "type") != "file" {
			continue
		}
		file := g.files[attr(n, "name")]
		part, err := w.CreateFormFile(attr(n, "name"), file.name)
		g.must(err)
		_, err = part.Write(file.body)
		g.must(err)
	}
	g.must(w.Close())
	g.send(http.MethodPost, action, w.FormDataContentType(), &b)
}

func (g *guest) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// pairs are the successful controls of a form but for buttons and files. A
// required one that is empty would not be sent by a browser that checks.
func (g *guest) pairs(form *html.Node, checks bool) (pairs [][2]string) {
	g.t.Helper()
	for _, n := range g.page.all("") {
		name := attr(n, "name")
		if name == "" || has(n, "disabled") || g.page.formOf(n) != form {
			continue
		}
		value, sent := attr(n, "value"), true
		switch n.Data {
		case "input":
			switch attr(n, "type") {
			case "checkbox", "radio":
				sent = has(n, "checked")
			case "file", "submit":
				continue
			}
		case "textarea":
			value = rawText(n)
		case "select":
			value, sent = selected(n)
		default:
			continue
		}
		if checks && has(n, "required") && (!sent || value == "") {
			g.t.Fatalf("%q on %q is required: a browser would not send the form", name, g.page.title())
		}
		if sent {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	return pairs
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// selected is the value of a select; without a choice it is the first.
func selected(n *html.Node) (string, bool) {
	options := elements(n, "option")
	if len(options) == 0 {
		return "", false
	}
	chosen := options[0]
	for _, o := range options {
		if has(o, "selected") {
			chosen = o
		}
	}
	if has(chosen, "value") {
		return attr(chosen, "value"), true
	}
	return textOf(chosen), true
}

// fill fills in a control by its name: text is typed, "on" ticks a box.
func (g *guest) fill(name, value string) {
	g.t.Helper()
	for _, n := range g.page.all("") {
		if attr(n, "name") != name {
			continue
		}
		switch {
		case n.Data == "input" && attr(n, "type") == "checkbox":
			set(n, "checked", "")
		case n.Data == "input":
			set(n, "value", value)
		case n.Data == "select":
			g.choose(n, value)
		default:
			continue
		}
		return
	}
	g.t.Fatalf("no field %q on %q: %s", name, g.page.title(), g.page.main())
}

// choose chooses the option with this text.
func (g *guest) choose(sel *html.Node, text string) {
	g.t.Helper()
	found := false
	for _, o := range elements(sel, "option") {
		unset(o, "selected")
		if !found && strings.TrimSuffix(textOf(o), " *") == text {
			set(o, "selected", "")
			found = true
		}
	}
	if !found {
		g.t.Fatalf("%q cannot be chosen: %s", text, textOf(sel))
	}
}

// wait looks again and again by the page's own button, until nothing goes on
// any more.
func (g *guest) wait() {
	g.t.Helper()
	g.waitWhile("reading", "checking", "running")
}

func (g *guest) waitWhile(phases ...string) {
	g.t.Helper()
	for until := time.Now().Add(2 * time.Minute); slices.Contains(phases, g.page.phase()); pause(g.t, 50*time.Millisecond) {
		if time.Now().After(until) {
			g.t.Fatalf("waited too long: %s", g.page.main())
		}
		g.look()
	}
	g.ok()
}

// look presses "Refresh".
func (g *guest) look() {
	g.t.Helper()
	form := g.page.byID("refresh")
	if form == nil {
		g.t.Fatalf("no way to look again on %q: %s", g.page.title(), g.page.main())
	}
	buttons := elements(form, "button")
	g.press(buttons[len(buttons)-1])
}

// ok fails where the page is an answer to a mistake.
func (g *guest) ok() {
	g.t.Helper()
	if g.page.status != http.StatusOK || g.page.byID("summary") != nil {
		g.t.Fatalf("%s: %d %s", g.page.path, g.page.status, g.page.main())
	}
}

// says asserts that the page's own part holds these texts.
func (g *guest) says(texts ...string) {
	g.t.Helper()
	for _, text := range texts {
		if !strings.Contains(g.page.main(), text) {
			g.t.Errorf("%q (%d) does not say %q: %s", g.page.title(), g.page.status, text, g.page.main())
		}
	}
}

// connect enters a webhook on the page that asks for one.
func (g *guest) connect(webhook string) {
	g.t.Helper()
	g.fill("webhook", webhook)
	g.press(g.button("/webhook"))
}

// upload chooses a file in step 1 and sends it.
func (g *guest) upload(name, body string) {
	g.t.Helper()
	g.files["file"] = chosenFile{name, []byte(body)}
	for _, n := range g.page.all("button") {
		if isA(n, "without-script") && attr(g.page.formOf(n), "action") == "/files" {
			// The chosen file is the input's value to the browser's check.
			g.press(n)
			return
		}
	}
	g.t.Fatalf("no file can be sent from %q: %s", g.page.title(), g.page.main())
}

// toReceipt goes from step 1 with a file to the receipt by the buttons that
// lead on; fields are what to choose for columns by number.
func (g *guest) toReceipt(fields map[int]string) {
	g.t.Helper()
	g.next() // target
	g.ok()
	g.next() // columns
	g.wait()
	for column, field := range fields {
		g.fill(fmt.Sprintf("field.%d", column), field)
	}
	g.next() // check
	g.wait()
	g.next() // receipt
	g.ok()
}

// toEnd goes on from the target through all steps, until the import is over.
func (g *guest) toEnd() {
	g.t.Helper()
	g.next() // target
	g.wait()
	g.next() // columns
	g.wait()
	g.next() // check
	g.next() // receipt
	g.wait()
}
