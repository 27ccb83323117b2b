"""What the tests measure in ComfyUI's editor, in JavaScript."""

LINKS = """() => [...app.graph.links.values()].map(l => [
    l.id, Number(l.origin_id), l.origin_slot, Number(l.target_id), l.target_slot, l.type])"""
"""All links as a saved graph lists them; newer frontends hold ids of nodes as text."""

RECTANGLES = """() => {
    const {scale, offset} = app.canvas.ds, canvas = app.canvas.canvas.getBoundingClientRect()
    const title = LiteGraph.NODE_TITLE_HEIGHT
    return app.graph.nodes.map(node => {
        const drawn = document.querySelector(`.lg-node[data-node-id="${node.id}"]`)?.getBoundingClientRect()
        if (!drawn) return [node.type, node.pos[0], node.pos[1] - title, node.size[0], node.size[1] + title]
        const x = (drawn.x - canvas.x) / scale - offset[0], y = (drawn.y - canvas.y) / scale - offset[1]
        return [node.type, x, y, drawn.width / scale, drawn.height / scale]
    })
}"""
"""[type, x, y, width, height] of every node with its title, as drawn by either renderer."""

CUT_OFF = """selector => [...document.querySelectorAll(selector)]
    .flatMap(root => [root, ...root.querySelectorAll('*')])
    .filter(part => part.clientWidth && (part.scrollWidth > part.clientWidth + 1
        || (part.scrollHeight > part.clientHeight + 1 && getComputedStyle(part).overflowY !== 'visible')))
    .map(part => [part.tagName, part.textContent.slice(0, 40),
        part.scrollWidth, part.clientWidth, part.scrollHeight, part.clientHeight])"""
"""The parts of some elements that do not fit in their place."""

CUT_OFF_SIDEWAYS = """selector => [...document.querySelectorAll(`${selector}, ${selector} *`)]
    .filter(part => part.clientWidth && part.scrollWidth > part.clientWidth + 1)
    .map(part => [part.tagName, part.textContent.slice(0, 40), part.scrollWidth, part.clientWidth])"""
"""The parts of some elements that are wider than their place."""

SELECT = """type => {
    const node = app.graph.nodes.find(node => node.type === type)
    app.canvas.deselectAll?.()
    app.canvas.selectNode(node)
    app.canvas.ds.scale = 1
    app.canvas.ds.offset = [700 - node.pos[0], 300 - node.pos[1]]
    app.canvas.setDirty(true, true)
}"""
"""Select the first node of a type and bring it into sight."""

CONTRASTS = r"""selector => {
    const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
    const parsed = colour => {
        context.clearRect(0, 0, 1, 1)
        context.fillStyle = colour
        context.fillRect(0, 0, 1, 1)
        const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data
        return [red, green, blue, alpha / 255]
    }
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1)
    const linear = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    const luminance = ([red, green, blue]) => 0.2126 * linear(red / 255)
        + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255)
    const behind = element => {
        const layers = []
        for (let each = element; each && layers.at(-1)?.[3] !== 1; each = each.parentElement)
            layers.push(parsed(getComputedStyle(each).backgroundColor))
        return layers.reduceRight((below, top) => over(top, below), [0, 0, 0, 1])
    }
    const least = {}
    for (const root of document.querySelectorAll(selector)) {
        const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement
            if (!texts.currentNode.textContent.trim()) continue
            const below = behind(element), text = over(parsed(getComputedStyle(element).color), below)
            const [dark, light] = [luminance(text), luminance(below)].sort((a, b) => a - b)
            const kind = (element.closest('pre') ? 'pre ' : '') + element.tagName
            least[kind] = Math.min(least[kind] ?? Infinity, (light + 0.05) / (dark + 0.05))
        }
    }
    return least
}"""
"""The least contrast of text with what is behind it, by the kinds of elements inside some others."""

TOGGLE = """async ([type, what]) => {
    app.canvas.deselectAll?.()
    app.canvas.selectNode(app.graph.nodes.find(node => node.type === type))
    await app.extensionManager.command.execute(`Comfy.Canvas.ToggleSelectedNodes.${what}`)
}"""
"""Bypass or mute the first node of a type by the editor's own command."""

INSERT_REROUTES = """([from, over, to]) => {
    const first = type => app.graph.nodes.find(node => node.type === type)
    const [source, middle, target] = [from, over, to].map(first)
    const reroute = LiteGraph.createNode('Reroute')
    reroute.pos = [source.pos[0], source.pos[1] - 100]
    app.graph.add(reroute)
    source.connect(0, reroute, 0)
    reroute.connect(0, middle, 0)
    const link = app.graph.getLink(target.inputs[0].link)
    app.graph.createReroute([target.pos[0] - 30, target.pos[1] - 60], link)
}"""
"""Put a reroute node into the first link between two nodes, and a reroute point into that to a third one."""

LINK_PRIMITIVE = """([primitive, type, name, value]) => {
    const node = app.graph.nodes.find(node => node.type === type)
    const source = LiteGraph.createNode(primitive)
    source.pos = [node.pos[0] - 300, node.pos[1] - 200]
    app.graph.add(source)
    source.connect(0, node, node.inputs.findIndex(input => input.name === name))
    source.widgets[0].value = value
}"""
"""Convert a widget to an input that a primitive gives: ComfyUI's node, or the page's own `PrimitiveNode`."""

VALUES = """([type, values]) => app.graph.nodes.find(node => node.type === type).widgets.forEach(
    widget => { widget.value = values[widget.name] ?? widget.value })"""
"""Set widgets of the first node of a type."""
