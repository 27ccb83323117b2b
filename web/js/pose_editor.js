/** @file Adds the pose editor to Edit Poses. */

import { app } from "../../../scripts/app.js";
import { NodeEditor } from "./pose_editor/node.js";
import { textsFor } from "./pose_editor/texts.js";

const NODE = "AnimateXEditPoses";
/** @type {Set<WeakRef<NodeEditor>>} */
const editors = new Set();

/** ComfyUI's own undo of the open workflow. */
const undoOf = () => app.extensionManager?.workflow?.activeWorkflow?.changeTracker;

/**
 * Keep ComfyUI's own undo from hearing Ctrl+Z while the editor is open. Newer versions see the open dialog.
 * @returns {() => void} lets it hear again
 */
function holdUndo() {
  const tracker = undoOf();
  if (!tracker?.undoRedo) return () => {};
  tracker.undoRedo = async () => true;
  return () => delete tracker.undoRedo; // and with it hides the method of its class no longer
}

const comfyui = (node) => ({
  holdUndo,
  apiURL: (path) => app.api.apiURL(path),
  run: () => app.queuePrompt(0, 1),
  changed: () => {
    node.graph?.setDirtyCanvas?.(true, true);
    const tracker = undoOf();
    if (tracker?.captureCanvasState) tracker.captureCanvasState();
    else tracker?.checkState?.(); // its name before 0.33
  },
  lastRun: () => app.nodeOutputs?.[node.id],
});

function edit(node) {
  const texts = textsFor(app.ui.settings.getSettingValue("Comfy.Locale"));
  const editor = new NodeEditor(node, texts, comfyui(node));
  editors.add(new WeakRef(editor));
  const { onExecuted, onConfigure } = node;
  node.onExecuted = function (output, ...rest) {
    onExecuted?.call(this, output, ...rest);
    editor.loadRun(output);
  };
  node.onConfigure = function (...values) {
    onConfigure?.apply(this, values);
    editor.loadRun(comfyui(node).lastRun());
    editor.draw();
  };
}

app.registerExtension({
  name: "animate-x.PoseEditor",
  setup() {
    const say = ({ detail }) => {
      for (const editor of editors) editor.deref()?.say(detail.exception_message);
    };
    app.api.addEventListener("execution_error", say);
  },
  nodeCreated(node) {
    if ((node.comfyClass ?? node.constructor?.comfyClass) === NODE) edit(node);
  },
});
