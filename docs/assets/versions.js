// Offers the other versions of this site in the header. Their list lies in the folder above all
// versions, as a script, so that it can be read when the site is opened from a folder.
(function () {
  const base = JSON.parse(document.getElementById("__config").textContent).base;
  const root = new URL(base + "/", location.href);
  const list = document.createElement("script");
  list.src = new URL("../versions.js", root).href;
  list.onload = function () {
    const versions = window.torporVersions;
    const here = root.pathname.split("/").slice(-2)[0];
    if (Object.keys(versions).length < 2) return;
    const select = document.createElement("select");
    select.setAttribute("aria-label", "Version");
    select.style.cssText = "color: inherit; background: inherit; border: 0; font-size: 0.8rem";
    for (const version of Object.keys(versions)) {
      select.add(new Option(version, version, version === here, version === here));
    }
    select.onchange = function () {
      const page = location.pathname.slice(root.pathname.length) || "index.html";
      const found = versions[select.value].includes(page) ? page : "index.html";
      location.href = new URL("../" + select.value + "/" + found, root).href;
    };
    document.querySelector(".md-header__inner .md-header__title").after(select);
  };
  document.head.append(list);
})();
