"use strict";
{
  const ANSWERS = [["left", "Left"], ["same", "No difference"], ["right", "Right"]];
  const MAX_DRIFT = 0.1; // seconds that clips may drift before they are synchronised with a seek
  const find = id => document.getElementById(id);
  const study = JSON.parse(find("study").textContent);
  const storageKey = `animatex-study-${study.study}`;
  const [left, right, driving] = ["left", "right", "driving"].map(id => find(id).querySelector("video"));
  let playing = true, started = false;

  // The progress of the rater, stored after every click in case the tab is closed.
  const newState = () => ({rater: newId(), at: -1, votes: {}});
  let state = restore() ?? newState();

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(16).padStart(2, "0")).join("");
  }

  function restore() {
    try {
      return JSON.parse(localStorage.getItem(storageKey));
    } catch {
      return null;
    }
  }

  function store() {
    try {
      localStorage.setItem(storageKey, JSON.stringify(state));
    } catch {
      find("unsaved").hidden = false;
    }
  }

  // The clips of a pair play in sync and restart when both have ended.
  const clips = () => [left, right, driving].filter(clip => clip.src);

  function load(clip, file) {
    const figure = clip.closest("figure");
    figure.hidden = file === undefined;
    if (file === undefined) clip.removeAttribute("src");
    else clip.src = find(`file-${file}`).textContent;
  }

  function restart() {
    for (const clip of clips()) {
      clip.currentTime = 0;
      if (playing) clip.play().catch(() => {}); // rejected if the rater moves on while the clip is loading
    }
  }

  function start() {
    if (started || clips().some(clip => clip.readyState < HTMLMediaElement.HAVE_FUTURE_DATA)) return;
    started = true;
    restart();
  }

  function synchronize() {
    for (const clip of clips()) {
      const drift = Math.abs(clip.currentTime - left.currentTime);
      if (!clip.ended && drift > MAX_DRIFT && left.currentTime < clip.duration) clip.currentTime = left.currentTime;
    }
  }

  function setPaused(paused) {
    playing = !paused;
    find("pause").textContent = playing ? "Pause" : "Play";
    for (const clip of clips()) {
      if (!playing) clip.pause();
      else if (!clip.ended) clip.play().catch(() => {});
    }
  }

  for (const clip of [left, right, driving]) {
    clip.addEventListener("canplay", start);
    clip.addEventListener("error", () => find("broken").hidden = !clip.src);
    clip.addEventListener("ended", () => left.ended && right.ended && restart());
  }
  left.addEventListener("timeupdate", synchronize);

  // The three questions.
  const answers = () => state.votes[state.at + 1] ?? {};
  const unanswered = () => study.questions.findIndex(question => !(question.id in answers()));
  const fieldsets = study.questions.map(question => {
    const fieldset = document.createElement("fieldset");
    const legend = fieldset.appendChild(document.createElement("legend"));
    legend.textContent = question.text;
    for (const [value, text] of ANSWERS) {
      const label = fieldset.appendChild(document.createElement("label"));
      const input = Object.assign(document.createElement("input"), {type: "radio", name: question.id, value});
      input.addEventListener("change", () => answer(question.id, value));
      label.append(input, Object.assign(document.createElement("span"), {textContent: text}));
    }
    return find("questions").appendChild(fieldset);
  });

  function answer(question, value) {
    state.votes[state.at + 1] = {...answers(), [question]: value};
    store();
    showAnswers();
  }

  function focusedQuestion() {
    return fieldsets.findIndex(fieldset => fieldset.contains(document.activeElement));
  }

  const currentQuestion = () => focusedQuestion() >= 0 ? focusedQuestion() : unanswered();

  function answerByKey(choice) {
    const current = currentQuestion();
    if (current < 0) return;
    answer(study.questions[current].id, ANSWERS[choice][0]);
    const next = fieldsets[current + 1];
    (next?.querySelector("input:checked") ?? next?.querySelector("input") ?? find("next")).focus();
  }

  function showAnswers() {
    const current = currentQuestion();
    study.questions.forEach((question, index) => {
      fieldsets[index].classList.toggle("current", index === current);
      for (const input of fieldsets[index].querySelectorAll("input")) {
        input.checked = answers()[question.id] === input.value;
      }
    });
    const count = Object.keys(answers()).length;
    find("answered").textContent = `${count} of ${study.questions.length} questions answered`;
    find("next").disabled = unanswered() >= 0;
  }

  // The visible screen: the welcome page (-1), a pair (from 0), or the end.
  function show() {
    const screen = state.at < 0 ? "welcome" : state.at < study.pairs.length ? "pair" : "end";
    for (const id of ["welcome", "pair", "end"]) find(id).hidden = id !== screen;
    for (const clip of clips()) clip.pause();
    if (screen === "pair") showPair(study.pairs[state.at]);
    find(screen).querySelector("h1").focus();
    scrollTo(0, 0);
  }

  function showPair(pair) {
    find("number").textContent = `Pair ${state.at + 1} of ${study.pairs.length}`;
    Object.assign(find("progress"), {max: study.pairs.length, value: state.at});
    find("back").disabled = state.at === 0;
    find("reference").hidden = pair.reference === undefined;
    const image = find("reference").querySelector("img");
    if (pair.reference !== undefined) image.src = find(`file-${pair.reference}`).textContent;
    find("broken").hidden = true;
    started = false;
    playing = true;
    find("pause").textContent = "Pause";
    load(left, pair.left);
    load(right, pair.right);
    load(driving, pair.driving);
    showAnswers();
  }

  function go(to) {
    state.at = to;
    store();
    show();
  }

  function save() {
    const file = {format: study.format, study: study.study, rater: state.rater, saved: new Date().toISOString(), votes: state.votes};
    const url = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], {type: "application/json"}));
    const name = `votes-${study.study}-${state.rater.slice(0, 8)}.json`;
    Object.assign(document.createElement("a"), {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    for (const id of ["saved", "answered"]) find(id).textContent = `Saved as ${name} in the downloads folder of your browser.`;
    find("another").hidden = false;
  }

  function reset() {
    if (!confirm("Delete the votes that are stored in this browser? The saved file is not affected.")) return;
    state = newState();
    find("saved").textContent = "";
    find("another").hidden = true;
    go(-1);
  }

  const back = () => state.at > 0 && go(state.at - 1);
  const next = () => unanswered() < 0 && go(state.at + 1);
  const clicks = {
    start: () => go(0), back, next, pause: () => setPaused(playing), early: save, save, review: () => go(0), reset,
  };
  for (const [id, act] of Object.entries(clicks)) find(id).addEventListener("click", act);

  const keys = {
    1: () => answerByKey(0), 2: () => answerByKey(1), 3: () => answerByKey(2), b: back, p: clicks.pause, Enter: next,
  };
  document.addEventListener("keydown", event => {
    const onButton = event.key === "Enter" && event.target instanceof HTMLButtonElement; // buttons handle Enter themselves
    const act = keys[event.key.length > 1 ? event.key : event.key.toLowerCase()];
    if (!act || onButton || find("pair").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    event.preventDefault();
    act();
  });
  find("questions").addEventListener("focusin", showAnswers);
  find("questions").addEventListener("submit", event => event.preventDefault());
  addEventListener("storage", event => { // the same page in another tab
    if (event.key === storageKey && event.newValue) {
      state = restore();
      show();
    }
  });

  find("count").textContent = study.pairs.length === 1 ? "one pair" : `${study.pairs.length} pairs`;
  store();
  show();
}
