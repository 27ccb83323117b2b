/** @file Sets the preset of nodes that are added to a graph to automatic, and leaves saved graphs as they are. */

import { app } from "../../../scripts/app.js";

const NODES = new Set(["AnimateXSampler", "AnimateXSolver"]);
const CUSTOM = "custom"; // the default of the input, since graphs that were saved without a preset have no value for it
const AUTOMATIC = "automatic";
let promptsLoading = 0;

/** Count a load of a graph in the form of the API, which sets the values that it has and configures no node. */
function countPrompts() {
  const load = app.loadApiJson;
  if (!load) return;
  app.loadApiJson = function (...values) {
    promptsLoading += 1;
    const done = () => (promptsLoading -= 1);
    let loaded;
    try {
      loaded = load.apply(this, values);
    } catch (error) {
      done();
      throw error;
    }
    if (typeof loaded?.then !== "function") done();
    else loaded.then(done, done);
    return loaded;
  };
}

function follow(node) {
  const widget = node.widgets?.find(({ name }) => name === "preset");
  if (!widget || promptsLoading) return;
  widget.value = AUTOMATIC;
  const { onConfigure } = node;
  node.onConfigure = function (saved, ...rest) {
    onConfigure?.call(this, saved, ...rest);
    const values = Object.values(saved?.widgets_values ?? []);
    if (!values.some((value) => widget.options.values.includes(value))) widget.value = CUSTOM;
  };
}

app.registerExtension({
  name: "animate-x.Presets",
  setup: countPrompts,
  nodeCreated(node) {
    if (NODES.has(node.comfyClass ?? node.constructor?.comfyClass)) follow(node);
  },
});
