// What is wrong with a page as a browser laid it out; each function returns what it found.
({
  // Elements and labels that are wider than the window or their place.
  wide: () => {
    const bad = [], seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 0;
    const name = (e) => `${e.tagName}.${e.className} ${(e.getAttribute("aria-label") ?? e.textContent).trim().slice(0, 60)}`;
    if (document.documentElement.scrollWidth > innerWidth) bad.push(`page of ${document.documentElement.scrollWidth} px`);
    for (const e of document.querySelectorAll("body *")) {
      if (e.closest("svg, .skip, .modebar, pre, .plot") || !seen(e)) continue;
      const box = e.getBoundingClientRect();
      if (box.right > innerWidth + 1 || box.left < -1) bad.push(`beyond the window: ${name(e)}`);
      if (getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1) bad.push(`cut: ${name(e)}`);
    }
    for (const plot of document.querySelectorAll(".plot")) {
      const place = plot.getBoundingClientRect();
      for (const text of plot.querySelectorAll("svg text")) {
        const box = text.getBoundingClientRect();
        if (!seen(text) || !text.textContent.trim()) continue;
        if (box.left < place.left - 2 || box.right > place.right + 2 || box.top < place.top - 2 || box.bottom > place.bottom + 2)
          bad.push(`label cut: ${plot.getAttribute("aria-label").slice(0, 40)}: ${text.textContent}`);
      }
    }
    return bad; },

  // Labels of figures that lie on each other.
  overprinted: () => {
    const bad = [];
    for (const plot of document.querySelectorAll(".plot")) {
      const texts = [...plot.querySelectorAll("svg text")].filter((t) => t.textContent.trim() && t.getBoundingClientRect().width);
      const boxes = texts.map((t) => t.getBoundingClientRect());
      for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
        const a = boxes[i], b = boxes[j];
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 2 && down > 3) bad.push(`${plot.getAttribute("aria-label").slice(0, 40)}: ${texts[i].textContent} / ${texts[j].textContent}`);
      }
    }
    return bad; },

  // Texts whose contrast is below that of WCAG 2.2, success criterion 1.4.3.
  unreadable: () => {
    const bad = [];
    const numbers = (colour) => colour.startsWith("color(srgb") ? colour.match(/[\d.]+/g).map((v, k) => k < 3 ? 255 * v : Number(v)) : colour.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
    const over = (top, base) => { const a = top[3] ?? 1; return [0, 1, 2].map((k) => a * top[k] + (1 - a) * base[k]); };
    function behind(e) {
      const layers = [];
      for (let at = e; at; at = at.parentElement) layers.push(numbers(getComputedStyle(at).backgroundColor));
      return layers.reverse().reduce((base, layer) => over(layer, base), [255, 255, 255]);
    }
    for (const e of document.querySelectorAll("body *")) {
      if (e.closest("svg, .planes, .skip, script, style, noscript, .modebar") || !e.checkVisibility()) continue;
      if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
      const style = getComputedStyle(e), base = behind(e), ink = over(numbers(style.color), base);
      const [x, y] = [light(ink), light(base)].sort((p, q) => q - p), ratio = (x + 0.05) / (y + 0.05);
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)}: ${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`);
    }
    return bad; },

  // Controls, pictures and headers without a name, ids that are there twice, levels of headings left out.
  unnamed: () => {
    const bad = [], ids = new Set();
    for (const e of document.querySelectorAll("[id]")) { if (ids.has(e.id)) bad.push(`id twice: ${e.id}`); ids.add(e.id); }
    for (const e of document.querySelectorAll("a, button, input, summary, [role=region], [role=group]")) {
      if (e.closest(".modebar")) continue;
      if (!(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)) bad.push(`no name: ${e.outerHTML.slice(0, 80)}`);
    }
    for (const e of document.querySelectorAll("img")) if (!e.alt) bad.push(`no alt: ${e.outerHTML.slice(0, 80)}`);
    for (const e of document.querySelectorAll("th")) if (!e.scope) bad.push(`no scope: ${e.textContent}`);
    let before = 0;
    for (const e of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
      const level = Number(e.tagName[1]);
      if (level > before + 1) bad.push(`h${before} then h${level}: ${e.textContent}`);
      before = level;
    }
    for (const e of document.querySelectorAll("*")) if (e.tabIndex > 0) bad.push(`tab order: ${e.outerHTML.slice(0, 80)}`);
    for (const e of document.querySelectorAll(".modebar-btn")) if (e.tabIndex >= 0) bad.push("a plot's tool is in the tab order");
    return bad; },
})
