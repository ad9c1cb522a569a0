"use strict";
(() => {
  const runs = JSON.parse(document.getElementById("data").textContent);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let rate = 8;
  document.querySelector("main").classList.add("moving");  // what works with this script alone is shown

  class Clip {
    constructor(figure) {
      const run = runs[figure.dataset.run];
      Object.assign(this, run.videos[figure.dataset.video]);
      this.frames = run.frames;
      this.width = run.width;
      this.height = run.height;
      this.whole = run.whole;
      this.run = figure.dataset.run;
      this.name = figure.querySelector("figcaption").title;
      this.figure = figure;
      this.link = figure.querySelector(".screens");
      this.screen = figure.querySelector(".own");
      [this.own, this.real] = [...figure.querySelectorAll(".screen")].map((screen) => ({
        sheet: screen.querySelector(".sheet"), context: screen.querySelector("canvas").getContext("2d"),
      }));
      this.slider = figure.querySelector("input");
      this.status = figure.querySelector(".status");
      this.time = 0;
      this.inView = false;
      this.held = false;
      this.play(!still);
      this.listen();
      this.say();
    }

    listen() {
      this.link.addEventListener("click", (event) => {
        if (!dialog.showModal) return;  // an old browser follows the link, as without JavaScript
        event.preventDefault();
        if (this.isLarge) { this.play(!this.playing); refreshButtons(); }
        else enlarge(this);
      });
      this.link.addEventListener("keydown", (event) => {
        if (event.key !== " ") return;
        event.preventDefault();
        this.link.click();
      });
      this.slider.addEventListener("input", () => { this.play(false); refreshButtons(); this.show(+this.slider.value); });
      this.slider.addEventListener("pointermove", (event) => {
        if (event.pointerType !== "mouse" || event.buttons) return;
        this.held = true;
        const box = this.slider.getBoundingClientRect();
        const place = (event.clientX - box.left - 7) / (box.width - 14);
        this.show(Math.round(Math.min(Math.max(place, 0), 1) * (this.frames - 1)));
      });
      this.slider.addEventListener("pointerleave", () => { this.held = false; });
    }

    play(on) {
      this.playing = on;
      this.figure.classList.toggle("paused", !on);
      this.call();
    }

    get isLarge() { return dialog.contains(this.figure); }

    // What a click on the picture does next.
    call() {
      const does = !this.isLarge ? "Enlarge" : this.playing ? "Pause" : "Play";
      this.link.setAttribute("aria-label", `${does} ${this.name}`);
    }

    // Drawn only once it is first seen: a page can hold hundreds of clips. Until then the sheet shows its first frame.
    enter() {
      this.inView = true;
      if (this.ready) return;
      const sheets = [this.own, this.real].filter(Boolean).map((layer) => layer.sheet.decode());
      Promise.all(sheets).then(() => { this.ready = true; this.draw(); }, () => {});
    }

    show(time) {
      if (time === this.time) return;
      this.time = time;
      this.slider.value = time;
      this.draw();
      this.say();
    }

    draw() {
      if (!this.ready) return;
      const [left, right, weight] = this.mix[this.time];  // of the sheet's frames, as blends() made them
      this.layer(left, 1);
      if (weight < 1) this.layer(right, 1 - weight);
      if (!this.real) return;
      const { sheet, context } = this.real;
      const height = sheet.naturalHeight / this.frames;
      context.drawImage(sheet, 0, this.time * height, sheet.naturalWidth, height, 0, 0, this.width, this.height);
    }

    layer(index, alpha) {
      const { width: w, height: h } = this;
      this.own.context.globalAlpha = alpha;
      this.own.context.drawImage(this.own.sheet, 0, index * h, w, h, 0, 0, w, h);
    }

    say() {
      const key = this.keys.indexOf(this.time);
      const since = key < 0 ? null : this.since[key];
      // Where every frame is stored, or rendered from something else, a mark on each would tell nothing.
      const all = this.keys.length === this.frames && this.since.every((iteration) => iteration === null);
      const kind = key < 0 ? "interpolated" : all ? this.whole : "key frame";
      if (key < 0 || all) delete this.screen.dataset.kind;
      else this.screen.dataset.kind = since === null ? "start" : "added";
      const number = document.createElement("b");
      number.textContent = this.time;
      this.status.replaceChildren(number, kind);
      this.status.classList.toggle("key", !(key < 0 || all));
      const when = since === null ? "" : `, inserted in iteration ${since}`;
      this.slider.setAttribute("aria-valuetext", `${this.time} of 0 to ${this.frames - 1}, ${kind}${when}`);
    }
  }

  // The card of a clip moves into the dialog, and back to where it stood when that closes, which Escape does too.
  const dialog = document.getElementById("large");
  const gap = document.createElement("div");
  let large = null;
  function enlarge(clip) {
    large = clip;
    gap.className = clip.figure.className;
    gap.style.minHeight = `${clip.figure.offsetHeight}px`;
    clip.figure.replaceWith(gap);
    dialog.append(clip.figure);
    dialog.showModal();
    clip.call();
  }
  dialog.addEventListener("close", () => {
    gap.replaceWith(large.figure);
    large.call();
    large.link.focus({ preventScroll: true });
    large = null;
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());

  const clips = new Map();
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const clip = clips.get(target);
      if (isIntersecting) clip.enter();
      else clip.inView = false;
    }
  }, { rootMargin: "120px" });
  for (const figure of document.querySelectorAll(".clip")) {
    clips.set(figure, new Clip(figure));
    watcher.observe(figure);
  }

  // One clock for all, so that clips of one length stay in step.
  let ticks = 0;
  let before = 0;
  function step(now) {
    if (now - before >= 1000 / rate) {
      before = now;
      ticks++;
      for (const clip of clips.values()) {
        if (clip.inView && clip.playing && !clip.held) clip.show(ticks % clip.frames);
      }
    }
    requestAnimationFrame(step);
  }
  requestAnimationFrame(step);

  function ofRun(run) { return [...clips.values()].filter((clip) => clip.run === run); }

  function refreshButtons() {
    for (const button of document.querySelectorAll(".play")) {
      const any = ofRun(button.dataset.run).some((clip) => clip.playing);
      button.textContent = any ? "Pause all" : "Play all";
    }
  }
  for (const button of document.querySelectorAll(".play")) {
    button.addEventListener("click", () => {
      const mine = ofRun(button.dataset.run);
      const on = !mine.some((clip) => clip.playing);
      for (const clip of mine) clip.play(on);
      refreshButtons();
    });
  }
  for (const select of document.querySelectorAll(".speed")) {
    select.addEventListener("change", () => {
      rate = +select.value;
      for (const other of document.querySelectorAll(".speed")) other.value = select.value;
    });
  }
  refreshButtons();

  // Tabs: without this script they are plain links to sections that are all shown.
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const panels = [...document.querySelectorAll(".run")];
  function choose(index) {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === index));
      tab.tabIndex = i === index ? 0 : -1;
      panels[i].hidden = i !== index;
    });
  }
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", (event) => { event.preventDefault(); choose(index); });
    tab.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      const next = (index + move + tabs.length) % tabs.length;
      choose(next);
      tabs[next].focus();
    });
  });
  if (tabs.length) {
    document.querySelector("main").classList.add("tabbed");
    const named = panels.findIndex((panel) => "#" + panel.id === location.hash);
    choose(Math.max(named, 0));
  }

  // Confusion matrices: point at a cell or move with the arrow keys, and it is read out above.
  for (const table of document.querySelectorAll(".confusion")) {
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const rows = [...table.tBodies[0].rows];
    const readout = table.closest(".block").querySelector(".readout");
    const counts = rows.map((row) => [...row.cells].slice(1).map((cell) => +cell.textContent));
    let at = null;
    function mark(on) {
      if (!at) return;
      for (const cell of [rows[at[0]].cells[at[1] + 1], rows[at[0]].cells[0], heads[at[1]]]) cell.classList.toggle("at", on);
    }
    function read(row, column) {
      mark(false);
      at = [row, column];
      mark(true);
      const count = counts[row][column];
      const total = counts[row].reduce((a, b) => a + b, 0);
      const share = total ? Math.round(100 * count / total) : 0;
      const verb = row === column ? "recognised" : `taken for ${heads[column].textContent}`;
      readout.textContent = `${rows[row].cells[0].textContent} ${verb}: ${count} of ${total} (${share} %)`;
    }
    table.addEventListener("pointerover", (event) => {
      const cell = event.target.closest("tbody td");
      if (cell) read(cell.parentNode.rowIndex - 1, cell.cellIndex - 1);
    });
    table.parentNode.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const place = (i, by) => Math.min(Math.max(i + by, 0), rows.length - 1);
      if (at) read(place(at[0], move[0]), place(at[1], move[1]));
      else read(0, 0);
      rows[at[0]].cells[at[1] + 1].scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  }
})();
