// Comfort only: without scripts the switches work as well. With them the page opens in the reader's language and keeps the choice.
(function () {
  var pick = function (id) { var input = document.getElementById(id); if (input) { input.checked = true; } };
  var kept = function (key) { try { return window.localStorage.getItem(key); } catch (error) { return null; } };
  if (/^zh\b/i.test(navigator.language || "")) { pick("language-zh"); }
  ["language", "theme"].forEach(function (name) {
    var value = kept("perennial-" + name);
    if (value && /^[a-z]+$/.test(value)) { pick(name + "-" + value); }
    document.querySelectorAll("input[name=" + name + "]").forEach(function (input) {
      input.addEventListener("change", function () {
        try { window.localStorage.setItem("perennial-" + name, input.id.slice(name.length + 1)); } catch (error) { return; }
      });
    });
  });
  // A link may ask for a language or a theme: report.html?language=zh&theme=dark
  new URLSearchParams(window.location.search).forEach(function (value, name) {
    if (/^(language|theme)$/.test(name) && /^[a-z]+$/.test(value)) { pick(name + "-" + value); }
  });
  var speak = function () { document.documentElement.lang = document.getElementById("language-zh").checked ? "zh-Hans" : "en"; };
  document.querySelectorAll("input[name=language]").forEach(function (input) { input.addEventListener("change", speak); });
  speak();
})();
