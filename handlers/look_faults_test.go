//go:build browser

package handlers_test

// faults finds what is wrong to the eye: a bar below the page, controls on
// top of each other, words that leave their box or are broken in two, boxes to
// tick that do not stand beside their words. Cells and names that people
// wrote may be of any length: they are left out. It also tells how all boxes
// lie to each other, as a number.
const faults = `async (width) => {
	const frame = () => new Promise(requestAnimationFrame);
	do { await frame(); } while (window.asked > 0);
	for (let i = 0; i < 2; i++) await frame(); // what watches its own size has seen it after a frame
	const found = [];
	const root = document.documentElement;
	if (innerWidth !== width) found.push('is looked at in ' + innerWidth + ' px');
	if (root.scrollWidth > root.clientWidth) found.push('is ' + root.scrollWidth + ' px wide');
	const name = (e) => '<' + e.localName + ' ' + (e.id || e.className) + '> ' + (e.textContent.trim() || e.name || '').slice(0, 40);
	const seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest('.hidden, .skip, .window');
	const controls = [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea, summary')]
		.filter((e) => seen(e) && !e.closest('.scroll')).map((e) => ({ e, r: e.getBoundingClientRect(), bar: Boolean(e.closest('.bar')) }));
	controls.forEach((a, i) => controls.slice(i + 1).forEach((b) => {
		if (a.bar !== b.bar || a.e.contains(b.e)) return;
		const wide = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
		const high = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
		if (wide > 1 && high > 1) found.push(name(a.e) + ' and ' + name(b.e) + ' overlap');
	}));
	for (const e of document.querySelectorAll('button, a, label, h1, h2, h3, p, li, dt, dd, legend, summary, th, .badge, .count b, .count span')) {
		const style = getComputedStyle(e);
		if (!seen(e) || style.display === 'inline' || style.textOverflow === 'ellipsis' || e.querySelector('.clip, .chosen, .samples')) continue;
		if (e.scrollWidth > e.clientWidth + 1) found.push(name(e) + ' is cut: ' + e.scrollWidth + ' px in ' + e.clientWidth);
	}
	const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const range = document.createRange();
	while (words.nextNode()) {
		const { data, parentElement: e } = words.currentNode;
		if (!/[\p{L}]{4}/u.test(data) || e.closest('script, textarea, option, td:not([data-label]), .scroll, .choices .help, code, bdi, [dir=auto], .samples, .name, .value') || !seen(e)) continue;
		range.selectNodeContents(words.currentNode);
		if (range.getClientRects().length < 2) continue; // on one line
		for (const word of data.matchAll(/(?<![_@.\p{L}])[\p{L}\p{M}’']{4,}(?![_@\p{L}]|\.\p{L})/gu)) {
			range.setStart(words.currentNode, word.index);
			range.setEnd(words.currentNode, word.index + word[0].length);
			if (new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size > 1) found.push('“' + word[0] + '” is broken: ' + name(e));
		}
	}
	for (const box of document.querySelectorAll('input[type=checkbox], input[type=radio]')) {
		const label = box.labels[0];
		if (!label || !seen(box) || label.closest('.scroll')) continue;
		const texts = document.createTreeWalker(label, NodeFilter.SHOW_TEXT, (n) => n.data.trim() && seen(n.parentElement) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT);
		if (!texts.nextNode()) continue;
		range.selectNodeContents(texts.currentNode);
		const line = range.getClientRects()[0];
		const r = box.getBoundingClientRect();
		if (Math.abs((line.top + line.bottom - r.top - r.bottom) / 2) > 8) found.push(name(label) + ' does not stand beside its box');
	}
	for (const icon of document.querySelectorAll('svg')) {
		const beside = icon.nextElementSibling;
		if (!beside?.textContent.trim() || !seen(icon) || icon.closest('.drop, .empty')) continue;
		const [a, b] = [icon, beside].map((e) => e.getBoundingClientRect());
		if (a.bottom <= b.top || a.top >= b.bottom) found.push(name(beside) + ' does not stand beside its icon');
	}
	const ink = document.createElement('canvas').getContext('2d');
	for (const e of document.querySelectorAll('[placeholder]')) {
		const style = getComputedStyle(e);
		ink.font = style.font;
		if (seen(e) && ink.measureText(e.placeholder).width > e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - (e.type === 'search' ? 20 : 0)) found.push(name(e) + ' is cut: ' + e.placeholder);
	}
	for (const e of document.querySelectorAll('[data-label]')) {
		const style = getComputedStyle(e, '::before');
		if (style.content === 'none' || !seen(e)) continue;
		const own = getComputedStyle(e);
		const wide = own.display === 'grid' ? parseFloat(own.gridTemplateColumns) : e.clientWidth - parseFloat(own.paddingLeft) - parseFloat(own.paddingRight);
		ink.font = style.font;
		for (const word of e.dataset.label.split(' ')) if (ink.measureText(word).width > wide + 1) found.push('“' + word + '” is broken: ' + name(e));
	}
	const light = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map((v) => (v /= 255) > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0.05);
	for (const e of document.querySelectorAll('[placeholder]')) {
		const [a, b] = [getComputedStyle(e, '::placeholder').color, getComputedStyle(e).backgroundColor].map(light);
		if (Math.max(a, b) / Math.min(a, b) < 4.5) found.push(name(e) + ' is hard to read while empty: ' + (Math.max(a, b) / Math.min(a, b)).toFixed(1)); // axe-core does not look there
	}
	const findings = [...document.querySelectorAll('.window .finding')];
	for (const e of findings) if (e.scrollHeight > e.clientHeight + 1) found.push(name(e) + ' is cut');
	const spare = Math.min(...findings.map((e) => e.getBoundingClientRect().bottom - e.lastElementChild.getBoundingClientRect().bottom));
	// They are as high as the highest one seen, which may be out of sight by now.
	if (findings.length > 0 && spare > 60) found.push('each finding of the list stands above ' + Math.round(spare) + ' empty pixels');
	const page = document.querySelector('.page');
	let shape = 0;
	for (const e of document.body.querySelectorAll('*')) {
		const home = (e.closest('.bar, .skip, dialog') ?? page).getBoundingClientRect();
		const r = e.getBoundingClientRect();
		for (const n of [r.left - home.left, r.top - home.top, r.width, r.height]) shape = Math.imul(shape, 31) + Math.round(n) | 0;
	}
	return { found, shape };
}`

// examine looks for faults, and tells the shape of the page.
func (s *studio) examine(how string, width int) int {
	s.t.Helper()
	seen := s.tab.MustEval(faults, width)
	for _, fault := range seen.Get("found").Arr() {
		s.errorf("%s: %s", how, fault.Str())
	}
	return seen.Get("shape").Int()
}
