// The causal graph: looks, questions and answers. All texts are set as text, never as markup.
(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("report-data").textContent).graph;
  var canvas = document.getElementById("graph-canvas");
  if (!data || !canvas || !window.cytoscape) { return; }
  var panel = document.getElementById("graph-panel"), area = panel.parentNode;
  var viewSelect = document.getElementById("graph-view");
  var slider = document.getElementById("graph-confidence");
  var nodes = {}, order = {}, cy = null, wanted = {}, chosen = null;
  data.nodes.forEach(function (node, i) { nodes[node.id] = node; order[node.id] = i; });
  document.documentElement.classList.add("drawing-done");

  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }
  function percent(p) { return p === null || p === undefined ? "" : Math.round(100 * p) + " %"; }
  function view() { return data.views[(viewSelect && viewSelect.value) || "all"]; }

  function make(tag, text, className) {
    var element = document.createElement(tag);
    if (text !== undefined && text !== null) { element.textContent = text; }
    if (className) { element.className = className; }
    return element;
  }

  function styles() {
    var parts = ["treatment", "outcome", "adjusted", "mediator", "consequence", "other"];
    var font = getComputedStyle(document.body).fontFamily;
    var edge = colour("edge"), accent = colour("accent");
    var list = [
      { selector: "node", style: { "label": "data(label)", "text-wrap": "wrap", "text-valign": "center", "text-halign": "center",
        "font-family": font, "font-size": 13, "line-height": 1.05, "color": colour("text"), "shape": "round-rectangle",
        "width": "data(width)", "height": data.height, "border-width": 1.5, "text-events": "yes", "z-index": 10 } },
      { selector: "node.band", style: { "label": "data(label)", "shape": "rectangle", "width": "data(width)", "height": "data(height)",
        "background-color": colour("band"), "border-width": 0, "text-valign": "top", "text-margin-y": -6, "font-size": 12.5,
        "color": colour("muted"), "events": "no", "z-index": 0, "z-index-compare": "manual", "text-max-width": "data(width)" } },
      { selector: "edge", style: { "width": "data(width)", "line-color": edge, "target-arrow-color": edge, "source-arrow-color": edge,
        "curve-style": "unbundled-bezier", "control-point-distances": "data(bend)", "control-point-weights": 0.5,
        "target-arrow-shape": "triangle", "arrow-scale": 1.0, "opacity": 0.85, "z-index": 5, "z-index-compare": "manual" } },
      { selector: 'edge[kind = "undirected"]', style: { "target-arrow-shape": "none" } },
      { selector: 'edge[kind = "bidirected"]', style: { "line-style": "dashed", "source-arrow-shape": "triangle" } },
    ];
    parts.forEach(function (part) {
      list.push({ selector: "node." + part, style: { "background-color": colour(part + "-soft"), "border-color": colour(part) } });
    });
    return list.concat([
      { selector: "node.treatment, node.outcome", style: { "border-width": 3, "font-weight": "bold" } },
      { selector: "node.mediator", style: { "border-style": "dashed", "border-width": 2 } },
      { selector: "node.consequence", style: { "border-style": "dotted", "border-width": 2.5 } },
      { selector: "node.adjusted", style: { "border-width": 3 } },
      { selector: ".quiet", style: { "opacity": 0.42 } },
      { selector: ".causal", style: { "line-color": colour("treatment"), "target-arrow-color": colour("treatment"), "opacity": 1 } },
      { selector: ".dim", style: { "opacity": 0.16 } },
      { selector: "edge.lit", style: { "line-color": accent, "target-arrow-color": accent, "source-arrow-color": accent, "opacity": 1, "z-index": 9 } },
      { selector: "node.picked", style: { "border-width": 4, "border-color": accent } },
      { selector: "edge.picked", style: { "line-color": accent, "target-arrow-color": accent, "source-arrow-color": accent, "opacity": 1 } },
      { selector: ".weak", style: { "display": "none" } },
    ]);
  }

  // Arrows on the way from the contact to the outcome.
  function causalEdges() {
    var start = data.nodes.filter(function (n) { return n.part === "treatment"; })[0];
    var end = data.nodes.filter(function (n) { return n.part === "outcome"; })[0];
    if (!start || !end) { return {}; }
    function reach(from, forward) {
      var seen = {}, todo = [from];
      seen[from] = true;
      while (todo.length) {
        var here = todo.pop();
        data.edges.forEach(function (e) {
          if (e.kind !== "directed") { return; }
          var a = forward ? e.source : e.target, b = forward ? e.target : e.source;
          if (a === here && !seen[b]) { seen[b] = true; todo.push(b); }
        });
      }
      return seen;
    }
    var after = reach(start.id, true), before = reach(end.id, false), found = {};
    data.edges.forEach(function (e, i) {
      if (e.kind === "directed" && after[e.source] && before[e.target]) { found[i] = true; }
    });
    return found;
  }

  // Lines that skip columns or stay within one are bent, so that they pass beside the boxes.
  function bend(from, to) {
    var dx = Math.abs(to[0] - from[0]), dy = to[1] - from[1];
    if (dx < 20) { return Math.abs(dy) < 70 ? 0 : (dy > 0 ? -1 : 1) * Math.min(70, 20 + Math.abs(dy) / 6); }
    if (dx < 190) { return 0; }
    return (dy >= 0 ? -1 : 1) * Math.min(60, 8 + dx / 16);
  }

  function elements() {
    var placed = view().positions, found = [], causal = causalEdges();
    view().bands.forEach(function (band, i) {
      var b = band.box;
      found.push({ group: "nodes", classes: "band", selectable: false, grabbable: false, pannable: true,
        data: { id: "band " + i, label: band.label, width: b[2] - b[0], height: b[3] - b[1] },
        position: { x: (b[0] + b[2]) / 2, y: (b[1] + b[3]) / 2 } });
    });
    data.nodes.forEach(function (node) {
      var at = placed[node.id];
      if (!at) { return; }
      found.push({ group: "nodes", classes: node.part, grabbable: false, data: { id: "n " + node.id, name: node.id, label: node.label, width: at[2] },
        position: { x: at[0], y: at[1] } });
    });
    data.edges.forEach(function (edge, i) {
      if (!placed[edge.source] || !placed[edge.target]) { return; }
      var sure = edge.edge === null || edge.edge === undefined ? 0.5 : edge.edge;
      var quiet = nodes[edge.source].part === "other" && nodes[edge.target].part === "other";
      found.push({ group: "edges", classes: causal[i] ? "causal" : quiet ? "quiet" : "", data: { id: "e " + i, index: i, source: "n " + edge.source,
        target: "n " + edge.target, kind: edge.kind, width: 0.8 + 2.2 * sure, bend: bend(placed[edge.source], placed[edge.target]) } });
    });
    return found;
  }

  function draw() {
    if (cy) { cy.destroy(); }
    area.classList.toggle("wide", !!viewSelect && viewSelect.value === "all");
    cy = window.cytoscape({ container: canvas, elements: elements(), style: styles(), layout: { name: "preset" },
      minZoom: 0.2, maxZoom: 3, boxSelectionEnabled: false, autounselectify: true, userZoomingEnabled: false });
    cy.on("tap", "node", function (event) { pickNode(event.target.data("name")); });
    cy.on("tap", "edge", function (event) { pickEdge(event.target.data("index")); });
    cy.on("tap", function (event) { if (event.target === cy) { forget(); } });
    cy.on("mouseover", "node, edge", function () { canvas.style.cursor = "pointer"; });
    cy.on("mouseout", "node, edge", function () { canvas.style.cursor = ""; });
    fit();
    filter();
    light();
    window.reportGraph = cy;
  }

  // The height follows the shape of the graph, so that a flat one leaves no empty field.
  function fit() {
    var box = cy.elements().boundingBox();
    var tall = (canvas.clientWidth - 28) * box.h / Math.max(box.w, 1) + 40;
    var narrow = canvas.clientWidth < 560;
    var height = Math.round(Math.max(narrow ? 320 : 440, Math.min(tall, 660, 0.78 * window.innerHeight)));
    canvas.style.height = height + "px";
    panel.style.setProperty("--height", height + "px");
    cy.resize();
    cy.fit(undefined, 14);
    if (cy.zoom() > 1.15) { cy.zoom(1.15); cy.center(); }
    var start = cy.nodes(".treatment");
    if (narrow && cy.zoom() < 0.62 && start.length) { cy.zoom(0.72); cy.center(start); }
  }
  function zoom(factor) {
    cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 } });
  }

  function filter() {
    if (!cy || !slider) { return; }
    var least = slider.value / 100;
    document.getElementById("graph-confidence-value").textContent = slider.value + " %";
    cy.edges().forEach(function (edge) {
      var p = data.edges[edge.data("index")].edge;
      edge.toggleClass("weak", p !== null && p !== undefined && p < least);
    });
  }

  // What is lit: the chosen column with its neighbours, or the parts chosen in the legend, or everything.
  function light() {
    area.classList.toggle("idle", !chosen);
    cy.elements().removeClass("dim lit picked");
    var things = cy.elements().not(".band");
    var parts = Object.keys(wanted).filter(function (part) { return wanted[part]; });
    if (chosen && chosen.node !== undefined) {
      var node = cy.getElementById("n " + chosen.node);
      if (!node.length) { return; }
      things.not(node.closedNeighborhood()).addClass("dim");
      node.connectedEdges().addClass("lit");
      node.addClass("picked");
      uncover(node);
    } else if (chosen) {
      var edge = cy.getElementById("e " + chosen.edge);
      things.not(edge.union(edge.connectedNodes())).addClass("dim");
      edge.addClass("picked");
    } else if (parts.length) {
      var kept = cy.nodes(parts.map(function (part) { return "." + part; }).join(","));
      things.not(kept.union(kept.edgesWith(kept))).addClass("dim");
    }
  }

  // In the wide view the panel lies over the right end of the picture.
  function uncover(node) {
    if (getComputedStyle(panel).position !== "absolute") { return; }
    var hidden = node.renderedPosition().x + 60 - (canvas.clientWidth - panel.offsetWidth);
    if (hidden > 0) { cy.panBy({ x: -hidden, y: 0 }); }
  }

  function forget() { chosen = null; light(); welcome(); }

  function welcome() {
    panel.replaceChildren(
      make("h3", "Click a column or an arrow"),
      make("p", "You will see what it is, what changes it, what it changes, and why each arrow is there."),
      make("p", "The buttons above the graph highlight groups of columns. Orange arrows lead from the contact to the outcome."),
      make("p", "Drag to move the picture; after a click on it the wheel zooms.")
    );
  }

  function neighbours(title, list, empty) {
    var box = [make("h4", title)];
    if (!list.length) { box.push(make("p", empty, "why")); return box; }
    var ul = make("ul");
    list.forEach(function (each) {
      var li = make("li"), link = make("button", nodes[each.name].title, "link");
      link.type = "button";
      link.addEventListener("click", function () { reveal(each.name); });
      if (each.edge.edge !== null && each.edge.edge !== undefined) {
        var share = make("span", percent(each.edge.edge), "share");
        share.title = "Share of resampled data sets in which the two are joined";
        li.appendChild(share);
      }
      li.appendChild(link);
      li.appendChild(make("span", each.edge.why, "why"));
      ul.appendChild(li);
    });
    box.push(ul);
    return box;
  }

  function joined(name, test) {
    return data.edges.filter(test).map(function (edge) {
      return { name: edge.source === name ? edge.target : edge.source, edge: edge };
    });
  }

  function reveal(name) {
    if (viewSelect && !view().positions[name]) { viewSelect.value = "all"; draw(); }
    pickNode(name);
  }

  function pickNode(name) {
    var node = nodes[name];
    if (!node) { return; }
    chosen = { node: name };
    light();
    var parts = [make("h3", node.title)];
    parts.push(make("p", node.partLabel.charAt(0).toUpperCase() + node.partLabel.slice(1) + ". " + node.partText));
    parts.push(make("p", "Class: " + node.classLabel + (node.className && node.className !== node.classLabel ? " (" + node.className + ")" : "")
      + ". Tier " + node.tier + "."));
    if (node.comment) { parts.push(make("p", node.comment, "why")); }
    var add = function (list) { parts = parts.concat(list); };
    add(neighbours("What changes it", joined(name, function (e) { return e.kind === "directed" && e.target === name; }), "Nothing recorded."));
    add(neighbours("What it changes", joined(name, function (e) { return e.kind === "directed" && e.source === name; }), "Nothing recorded."));
    var open = joined(name, function (e) { return e.kind === "undirected" && (e.source === name || e.target === name); });
    if (open.length) { add(neighbours("Joined, direction open", open, "")); }
    var hidden = joined(name, function (e) { return e.kind === "bidirected" && (e.source === name || e.target === name); });
    if (hidden.length) { add(neighbours("Shares a hidden cause with", hidden, "")); }
    if (node.lever) { parts.push(make("h4", "Can it be moved?"), make("p", node.lever)); }
    if (node.notes.length) {
      parts.push(make("h4", "Notes"));
      node.notes.forEach(function (note) { parts.push(make("p", note, "why")); });
    }
    fill(parts);
  }

  function fill(parts) {
    var close = make("button", "×", "close");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", forget);
    panel.replaceChildren.apply(panel, [close].concat(parts));
    panel.scrollTop = 0;
  }

  function pickEdge(index) {
    var edge = data.edges[index];
    chosen = { edge: index };
    light();
    var sign = { directed: " changes ", undirected: " and ", bidirected: " and " }[edge.kind];
    var parts = [make("h3", nodes[edge.source].title + sign + nodes[edge.target].title)];
    if (edge.kind === "undirected") { parts.push(make("p", "They are joined, but the direction is open.")); }
    if (edge.kind === "bidirected") { parts.push(make("p", "They share a cause that is not recorded.")); }
    parts.push(make("p", edge.why));
    if (edge.edge !== null && edge.edge !== undefined) {
      parts.push(make("h4", "How sure"));
      parts.push(make("p", "The two are joined in " + percent(edge.edge) + " of the resampled data sets"
        + (edge.orientation !== null && edge.orientation !== undefined ? ", and of these " + percent(edge.orientation) + " point this way." : ".")));
    }
    fill(parts);
  }

  function answer() {
    var a = document.getElementById("ask-cause").value, b = document.getElementById("ask-effect").value;
    var box = document.getElementById("ask-answer");
    if (a === b) { box.textContent = "Choose two different columns."; return; }
    var said = data.why.pairs[order[a]][order[b]], text = said < 0 ? "" : data.why.texts[said];
    var rule = text ? text.slice(text.indexOf("|") + 1) : "", kind = text.split("|")[0];
    var edge = data.edges.filter(function (e) {
      return (e.source === a && e.target === b) || (e.source === b && e.target === a);
    })[0];
    var p = data.why.confidence && data.why.confidence[order[a]][order[b]];
    var seen = p === null || p === undefined ? "" : " They are joined in " + percent(p) + " of the resampled data sets.";
    if (edge && edge.kind === "directed" && edge.source === a) { box.textContent = "Yes, the graph has this arrow. " + edge.why + seen; }
    else if (kind === "no") { box.textContent = "No, this is ruled out. " + rule; }
    else if (edge && edge.kind === "directed") { box.textContent = "The arrow points the other way. " + edge.why + seen; }
    else if (edge) { box.textContent = edge.why + seen; }
    else {
      box.textContent = "It would be possible" + (rule ? " (" + rule.replace(/[.]?$/, "") + ")" : "")
        + ", but given the other columns the data show no direct link." + (seen || "");
    }
  }

  document.getElementById("graph-in").addEventListener("click", function () { zoom(1.25); });
  document.getElementById("graph-out").addEventListener("click", function () { zoom(0.8); });
  document.getElementById("graph-fit").addEventListener("click", fit);
  document.getElementById("graph-find").addEventListener("change", function (event) {
    if (event.target.value) { reveal(event.target.value); }
  });
  if (viewSelect) { viewSelect.addEventListener("change", function () { chosen = null; draw(); welcome(); }); }
  if (slider) { slider.addEventListener("input", filter); }
  document.querySelectorAll(".legend [data-part]").forEach(function (chip) {
    chip.addEventListener("click", function () {
      var part = chip.getAttribute("data-part");
      wanted[part] = !wanted[part];
      chip.setAttribute("aria-pressed", String(!!wanted[part]));
      chosen = null;
      light();
      welcome();
    });
  });
  var ask = document.getElementById("graph-ask");
  if (ask) {
    ask.addEventListener("change", answer);
    ask.addEventListener("submit", function (event) { event.preventDefault(); });
    var contact = data.nodes.filter(function (n) { return n.part === "treatment"; })[0];
    var consequence = data.nodes.filter(function (n) { return n.part === "consequence" || n.part === "outcome"; })[0];
    if (contact && consequence) {
      document.getElementById("ask-cause").value = consequence.id;
      document.getElementById("ask-effect").value = contact.id;
    }
    answer();
  }
  canvas.addEventListener("pointerdown", function () { if (cy) { cy.userZoomingEnabled(true); } });
  canvas.addEventListener("mouseleave", function () { if (cy) { cy.userZoomingEnabled(false); } });
  welcome();
  document.addEventListener("pageshown", function (event) {
    if (event.detail === "graph") { if (cy) { fit(); } else { draw(); } }
  });
  window.addEventListener("resize", function () { if (cy && canvas.offsetParent) { fit(); } });
  var dark = window.matchMedia && window.matchMedia("(prefers-color-scheme: dark)");
  if (dark && dark.addEventListener) { dark.addEventListener("change", function () { if (cy) { cy.style(styles()); light(); } }); }
})();
