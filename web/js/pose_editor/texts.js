/** @file What the editor says, in English and Chinese. */

const EN = {
  open: "Edit poses", title: "Edit poses", done: "Done", run: "Run", again: "Start over",
  move: "Move", turn: "Turn", reach: "Reach", scale: "Scale", whole: "Whole body",
  moveHint: "Drag a joint alone. Hold Shift to bend the arm or leg, Alt to turn the limb. (1)",
  turnHint: "Turn a limb about its joint, with everything that hangs on it. (2)",
  reachHint: "Drag a wrist or an ankle; elbow and knee follow. (3)",
  scaleHint: "Make an arm, a leg or the head longer or shorter. (4)",
  wholeHint: "Move the whole body. Hold Shift to scale it, Alt to turn it. (5)",
  undo: "Undo", redo: "Redo", mirror: "Mirror", mirrorHint: "Mirror the pose of this frame",
  place: "Place skeleton", placeHint: "Place a standing figure by hand, in place of what was found",
  resetFrame: "Reset frame", resetFrameHint: "Remove the edits of this frame, or of the selected range",
  resetAll: "Reset all", fit: "Fit", fitHint: "Show the whole image (F)",
  hide: "Hide", show: "Show", hideHint: "Hide or show the selected joint in this frame or range (H)",
  swap: "Swap left/right", swapHint: "Swap left and right in this frame or range",
  swapAll: "arms and legs", swapArms: "arms", swapLegs: "legs",
  fill: "Fill gap", fillHint: "Interpolate this frame or range from the frames around it: the selected joint, or all",
  falloff: "Falloff", falloffHint: "Frames to each side over which the correction blends in",
  allFrames: "all frames", from: "Range", to: "to", clear: "Clear range", play: "Play (Space)",
  previous: "Previous frame", next: "Next frame", frame: "Frame",
  timelineHint: "Click to go to a frame. Shift-drag to select a range.",
  notRun: "Run the workflow once to load the frames and poses.",
  expired: "The frames of the last run are gone. Run the workflow again.",
  linked: "The edits come from another node.",
  unreadable: "These edits cannot be read, so they are left as they are",
  nothing: "No edits", keys: "key poses", ranges: "ranges", hiddenState: "hidden", missing: "not found",
  shownState: "visible", joints: "Joints", placeJoint: "Place this joint",
  person: "Person", personHint: "Click another person to edit them.",
  partial: "Frames without a picture of their own show the one before.",
  left: "left", right: "right", nose: "nose", neck: "neck", shoulder: "shoulder", elbow: "elbow", wrist: "wrist",
  hip: "hip", knee: "knee", ankle: "ankle", eye: "eye", ear: "ear", toe: "toe", hand: "hand", face: "face",
};

/** @type {typeof EN} */
const ZH = {
  open: "编辑姿态", title: "编辑姿态", done: "完成", run: "运行", again: "重新开始",
  move: "移动", turn: "旋转", reach: "伸展", scale: "缩放", whole: "整个身体",
  moveHint: "只拖动一个关节。按住 Shift 弯曲手臂或腿，按住 Alt 旋转肢体。(1)",
  turnHint: "绕关节旋转肢体，其下的部位一起移动。(2)",
  reachHint: "拖动手腕或脚踝，手肘和膝盖随之移动。(3)",
  scaleHint: "把手臂、腿或头变长或变短。(4)",
  wholeHint: "移动整个身体。按住 Shift 缩放，按住 Alt 旋转。(5)",
  undo: "撤销", redo: "重做", mirror: "镜像", mirrorHint: "将这一帧的姿态左右镜像",
  place: "放置骨架", placeHint: "手动放置一个站立的骨架，代替检测结果",
  resetFrame: "重置此帧", resetFrameHint: "删除此帧或所选范围的编辑",
  resetAll: "全部重置", fit: "适合窗口", fitHint: "显示整个图像 (F)",
  hide: "隐藏", show: "显示", hideHint: "在此帧或所选范围内隐藏或显示所选关节 (H)",
  swap: "交换左右", swapHint: "在此帧或所选范围内交换左右",
  swapAll: "手臂和腿", swapArms: "手臂", swapLegs: "腿",
  fill: "填补空缺", fillHint: "根据前后的帧插值此帧或所选范围：所选关节，或全部关节",
  falloff: "过渡", falloffHint: "修正向前后各过渡多少帧",
  allFrames: "所有帧", from: "范围", to: "至", clear: "清除范围", play: "播放（空格）",
  previous: "上一帧", next: "下一帧", frame: "帧",
  timelineHint: "点击跳到某一帧。按住 Shift 拖动选择范围。",
  notRun: "请先运行一次工作流，以载入帧和姿态。",
  expired: "上次运行的帧已被清除。请重新运行工作流。",
  linked: "编辑内容来自另一个节点。",
  unreadable: "无法读取这些编辑内容，因此保持原样",
  nothing: "没有编辑", keys: "个关键姿态", ranges: "个范围", hiddenState: "已隐藏", missing: "未检测到",
  shownState: "可见", joints: "关节", placeJoint: "放置此关节",
  person: "人物", personHint: "点击另一个人即可编辑该人。",
  partial: "没有单独图片的帧显示前面的图片。",
  left: "左", right: "右", nose: "鼻子", neck: "颈部", shoulder: "肩", elbow: "肘", wrist: "腕",
  hip: "髋", knee: "膝", ankle: "踝", eye: "眼", ear: "耳", toe: "脚趾", hand: "手", face: "脸",
};

/** @typedef {typeof EN} Texts */

/** @param {string} language of ComfyUI, such as "zh" or "zh-TW" @returns {Texts} */
export const textsFor = (language) => (language?.startsWith("zh") ? ZH : EN);

/** The name of a joint or group. @param {Texts} texts @param {string} name such as left_wrist or left_hand_4 */
export function jointName(texts, name) {
  const words = name.split("_").map((word) => texts[word] ?? word);
  return words.join(texts === ZH ? "" : " ");
}
