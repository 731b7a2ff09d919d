// One page at a time, tables that sort and filter. Without this script the report is one long page.
(function () {
  "use strict";
  var root = document.documentElement;
  var pages = Array.prototype.slice.call(document.querySelectorAll("section.page"));
  var links = Array.prototype.slice.call(document.querySelectorAll(".side a"));

  function show() {
    var key = decodeURIComponent(location.hash.slice(1));
    var target = key && document.getElementById(key);
    var page = (target && target.closest("section.page")) || pages[0];
    pages.forEach(function (each) { each.classList.toggle("current", each === page); });
    links.forEach(function (link) {
      if (link.getAttribute("href") === "#" + page.id) {
        link.setAttribute("aria-current", "page");
        var list = link.closest("ol");
        list.scrollLeft = link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2;
      } else { link.removeAttribute("aria-current"); }
    });
    if (target && target !== page && page.contains(target)) { target.scrollIntoView(); } else { window.scrollTo(0, 0); }
    document.dispatchEvent(new CustomEvent("pageshown", { detail: page.id }));
  }

  function sortBy(table, column, header) {
    var descending = header.getAttribute("aria-sort") ? header.getAttribute("aria-sort") === "ascending"
      : header.classList.contains("num");
    var body = table.tBodies[0];
    var rows = Array.prototype.slice.call(body.rows);
    function value(row) {
      var cell = row.cells[column];
      if (!cell.hasAttribute("data-value")) { return cell.textContent.trim().toLowerCase(); }
      var number = parseFloat(cell.getAttribute("data-value"));
      return isNaN(number) ? -Infinity : number;
    }
    rows.sort(function (a, b) {
      var x = value(a), y = value(b);
      var order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
      return descending ? -order : order;
    });
    rows.forEach(function (row) { body.appendChild(row); });
    table.querySelectorAll("thead th").forEach(function (each) { each.removeAttribute("aria-sort"); });
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  document.querySelectorAll("table.sortable").forEach(function (table) {
    table.querySelectorAll("thead th").forEach(function (header, column) {
      header.tabIndex = 0;
      header.addEventListener("click", function () { sortBy(table, column, header); });
      header.addEventListener("keydown", function (event) {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sortBy(table, column, header); }
      });
    });
  });

  document.querySelectorAll("[data-filters]").forEach(function (bar) {
    var target = document.getElementById(bar.getAttribute("data-filters"));
    var items = Array.prototype.slice.call(target.tBodies ? target.tBodies[0].rows : target.children);
    var shown = bar.querySelector("[data-shown]");
    function apply() {
      var search = bar.querySelector("[data-search]");
      var words = search ? search.value.trim().toLowerCase() : "";
      var left = 0;
      items.forEach(function (item) {
        var kept = !words || item.textContent.toLowerCase().indexOf(words) >= 0;
        bar.querySelectorAll("[data-column]").forEach(function (select) {
          if (select.value && item.getAttribute("data-" + select.getAttribute("data-column")) !== select.value) { kept = false; }
        });
        item.hidden = !kept;
        left += kept ? 1 : 0;
      });
      shown.textContent = left + " of " + items.length + " shown";
    }
    bar.addEventListener("input", apply);
    apply();
  });

  document.querySelectorAll(".needs-script").forEach(function (part) { part.hidden = false; });
  root.classList.add("paged");
  window.addEventListener("hashchange", show);
  show();
})();
