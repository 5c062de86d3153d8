// The layer over the explorer's picture: it tells values at the mouse and at the keys by itself,
// and the kernel what somebody chose there, as `LiveFigure` says.

const FAR = 5; // pixels that make a drag of a click
const BESIDE = 10; // pixels from the line at the mouse to the values
const SOON = 150; // ms without another turn of the wheel, or another width, until it is told

function make(tag, name, parent, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    parent?.append(element);
    return element;
}

// As Metric.show: `digits` behind the point, or as many as the value asks for.
export function show(value, digits, signed) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    let text;
    if (digits !== null) text = grouped(size, digits);
    else if ((size >= 0.1 && size < 1e6) || size === 0) text = rounded(size, 2);
    else text = general(size);
    const none = !(Number(text.replaceAll(",", "")) > 0);
    if (signed) return (none ? "±" : value < 0 ? "−" : "+") + text;
    return (value < 0 ? "-" : "") + text;
}

function rounded(size, digits) {
    if ((size * 2 ** (digits + 1)) % 2 !== 1) return size.toFixed(digits);
    const low = Math.floor(size * 10 ** digits); // a half, exactly: it goes to the even one
    return ((low + (low % 2)) / 10 ** digits).toFixed(digits);
}

function grouped(size, digits) {
    const [whole, part] = rounded(size, digits).split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
}

function general(size) { // as Python's .3g
    const [mantissa, power] = size.toExponential(2).split("e");
    if (power >= -4 && power < 3) return String(Number(size.toPrecision(3)));
    const digits = mantissa.replace(/\.?0+$/, "");
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

// The scene with its numbers, each where it belongs.
export function read(scene, view) {
    const numbers = new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    let from = 0;
    const take = count => numbers.subarray(from, (from += count));
    const grid = take(scene.moments.length);
    const ends = take(scene.names.length);
    const lines = () => scene.names.map(() => take(grid.length));
    const panels = scene.panels.map(panel => ({
        ...panel, values: lines(), races: panel.counts ? lines() : null,
    }));
    return {...scene, grid, ends, panels};
}

export function nearest(grid, at) {
    let low = 0, high = grid.length - 1;
    while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (grid[middle] <= at) low = middle; else high = middle;
    }
    return at - grid[low] <= grid[high] - at ? low : high;
}

// What a line has at a grid point, in words.
function told(shown, panel, line, point) {
    if (shown.grid[point] > shown.ends[line] * (1 + 1e-12) + 1e-9) return "ended";
    const text = show(panel.values[line][point], panel.digits, panel.signed);
    if (text === "–") return text;
    const races = panel.races?.[line][point];
    const unit = panel.unit === "%" ? " %" : panel.unit && ` ${panel.unit}`;
    return text + unit + (races >= 0 ? ` (${grouped(races, 0)} races)` : "");
}

// A notebook would take arrows and letters in a list, or on a button, for its cells.
function keepKey(event) {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
}

class Layer {
    constructor(model, el) {
        this.model = model;
        this.root = make("div", "tmnet-figure", el);
        this.root.tabIndex = 0;
        this.root.setAttribute("role", "application");
        this.frame = make("div", "tmnet-frame", this.root);
        this.image = make("img", "widget-image", this.frame);
        this.image.draggable = false;
        this.canvas = make("canvas", "", this.frame);
        this.box = make("div", "tmnet-values", this.frame);
        this.box.hidden = true;
        this.menus = make("div", "", this.frame);
        this.spoken = make("div", "tmnet-spoken", this.root);
        this.spoken.setAttribute("aria-live", "polite");
        this.panel = 0; // that keys and mouse are in
        this.point = null; // the grid point there
        this.pointed = null; // where the mouse was last, unless keys went on from there
        this.drag = this.wheel = null;
        this.listen();
        this.showPicture();
        this.showScene();
        this.measure();
    }

    // What the kernel asks for when it has opened one that may be out of sight.
    showTabs() {
        this.root.closest(".tmnet-live")?.querySelector(".widget-tab")?.scrollIntoView();
    }

    listen() {
        const {model, canvas, root} = this;
        this.changes = [
            ["change:value change:alt", () => this.showPicture()],
            ["change:scene change:numbers", () => this.showScene()],
            ["change:at", () => this.soon()],
            ["msg:custom", () => this.showTabs()],
        ];
        for (const [names, react] of this.changes) model.on(names, react);
        canvas.addEventListener("pointermove", event => this.move(event));
        canvas.addEventListener("pointerleave", () => this.leave());
        canvas.addEventListener("pointerdown", event => this.press(event));
        canvas.addEventListener("pointerup", event => this.release(event));
        canvas.addEventListener("pointercancel", () => { this.drag = null; this.leave(); });
        canvas.addEventListener("dblclick", event => this.back(event));
        canvas.addEventListener("wheel", event => this.turn(event), {passive: false});
        root.addEventListener("keydown", event => this.key(event));
        root.addEventListener("blur", () => this.leave());
        this.sizes = new ResizeObserver(() => this.measure());
        this.sizes.observe(root);
        this.sizes.observe(this.image);
        this.resize = () => this.measure();
        window.addEventListener("resize", this.resize);
    }

    remove() {
        for (const [names, react] of this.changes) this.model.off(names, react);
        this.sizes.disconnect();
        window.removeEventListener("resize", this.resize);
        clearTimeout(this.later);
        clearTimeout(this.wheelEnds);
        if (this.url) URL.revokeObjectURL(this.url);
    }

    tell(kind, content) {
        try {
            this.model.send({kind, ...content});
        } catch (error) { // its kernel is gone, and nobody is there to be told
            console.debug(error);
        }
    }

    // --- what is shown ---------------------------------------------------------------------------

    showPicture() {
        const old = this.url;
        this.image.alt = this.model.get("alt");
        this.root.setAttribute("aria-label", this.image.alt);
        const picture = this.model.get("value");
        if (picture !== this.picture) {
            this.picture = picture;
            this.url = URL.createObjectURL(new Blob([picture], {type: "image/png"}));
            this.image.src = this.url;
            if (old) this.image.decode().catch(() => {}).finally(() => URL.revokeObjectURL(old));
        }
    }

    showScene() {
        const scene = this.model.get("scene"), view = this.model.get("numbers");
        const at = this.point === null ? null : this.shown.grid[this.point];
        this.shown = scene.panels && view?.byteLength ? read(scene, view) : null;
        if (!this.shown) return;
        this.image.style.width = `${scene.size[0]}px`;
        this.image.style.aspectRatio = `${scene.size[0]} / ${scene.size[1]}`;
        this.panel = Math.min(this.panel, Math.max(0, this.shown.panels.length - 1));
        this.point = at === null ? null : nearest(this.shown.grid, at);
        if (this.pointed && !this.drag) this.move(this.pointed);
        this.fillMenus();
        this.soon(); // a frame has its layout then, and need not make it twice
    }

    measure() {
        this.ratio = window.devicePixelRatio;
        this.root.closest(".tmnet-live")?.addEventListener("keydown", keepKey); // once, however often
        const wide = Math.floor(this.root.clientWidth), ratio = Math.min(3, this.ratio || 1);
        const {clientWidth, clientHeight} = this.image;
        if (clientWidth) {
            this.canvas.width = Math.round(clientWidth * ratio);
            this.canvas.height = Math.round(clientHeight * ratio);
            this.draw();
        }
        const high = window.innerHeight, is = `${wide} ${high} ${ratio}`;
        if (wide < 100 || is === this.room) return;
        this.room = is;
        clearTimeout(this.later);
        this.later = setTimeout(() => this.tell("room", {wide, high, ratio}), SOON);
    }

    // --- where things are -------------------------------------------------------------------------

    // Pixels of a panel: left, top, right, bottom.
    place(panel) {
        const {clientWidth: w, clientHeight: h} = this.image, [l, t, r, b] = panel.place;
        return [l * w, t * h, r * w, b * h];
    }

    at(panel, x) {
        const [left, , right] = this.place(panel), [low, high] = this.shown.x;
        return low + Math.min(1, Math.max(0, (x - left) / (right - left))) * (high - low);
    }

    across(panel, at) {
        const [left, , right] = this.place(panel), [low, high] = this.shown.x;
        return left + (at - low) / (high - low) * (right - left);
    }

    up(panel, value) {
        const [, top, , bottom] = this.place(panel);
        let [low, high] = panel.y;
        if (panel.log) [low, high, value] = [low, high, value].map(Math.log);
        return bottom - (value - low) / (high - low) * (bottom - top);
    }

    valueAt(panel, y) {
        const [, top, , bottom] = this.place(panel), share = (bottom - y) / (bottom - top);
        const [low, high] = panel.log ? panel.y.map(Math.log) : panel.y;
        const value = low + Math.min(1, Math.max(0, share)) * (high - low);
        return panel.log ? Math.exp(value) : value;
    }

    // [x, y] of an event, and the number of the panel there, or -1.
    find(event) {
        const {left, top} = this.canvas.getBoundingClientRect();
        const x = event.clientX - left, y = event.clientY - top;
        const panel = this.shown?.panels.findIndex(panel => {
            const [l, t, r, b] = this.place(panel);
            return x >= l - 2 && x <= r + 2 && y >= t - 2 && y <= b + 2;
        });
        return [x, y, panel ?? -1];
    }

    // --- the mouse -------------------------------------------------------------------------------

    move(event) {
        const [x, y, number] = this.find(event);
        this.pointed = event;
        if (window.devicePixelRatio !== this.ratio) this.measure(); // another screen, as wide
        if (this.drag) {
            this.drag.to = [x, y];
        } else if (number < 0) {
            return this.leave();
        } else {
            this.panel = number;
            this.point = nearest(this.shown.grid, this.at(this.shown.panels[number], x));
        }
        this.soon();
    }

    leave() {
        if (this.drag) return;
        this.point = this.pointed = null;
        this.soon();
    }

    press(event) {
        const [x, y, number] = this.find(event);
        if (event.button || number < 0) return;
        this.closeMenu();
        this.drag = {panel: number, from: [x, y], to: [x, y]};
        this.canvas.setPointerCapture(event.pointerId);
    }

    // Which way a drag goes: "window", "zoom", or "" as long as it is a click.
    way() {
        const {from, to} = this.drag, [dx, dy] = [0, 1].map(i => Math.abs(to[i] - from[i]));
        return Math.max(dx, dy) < FAR ? "" : dx >= dy ? "window" : "zoom";
    }

    release(event) {
        if (!this.drag) return;
        const [x, y] = this.find(event);
        this.drag.to = [x, y];
        const {from, panel: number} = this.drag, panel = this.shown.panels[number], way = this.way();
        this.drag = null;
        if (way === "window") {
            const span = [from[0], x].map(x => this.at(panel, x)).sort((a, b) => a - b);
            this.tell("window", {span});
        } else if (way === "zoom") {
            const span = [from[1], y].map(y => this.valueAt(panel, y)).sort((a, b) => a - b);
            this.tell("zoom", {metric: panel.metric, span});
        } else {
            this.tell("moment", {at: this.shown.grid[nearest(this.shown.grid, this.at(panel, x))]});
        }
        this.soon();
    }

    back(event) {
        const number = event ? this.find(event)[2] : this.panel;
        const panel = this.shown?.panels[number];
        if (!panel) return;
        if (event) this.tell("unclick");
        if (panel.choices.zoom) this.tell("unzoom", {metric: panel.metric});
        else this.tell("common");
    }

    turn(event) {
        const [, y, number] = this.find(event), panel = this.shown?.panels[number];
        if (!panel || !(event.ctrlKey || event.shiftKey || event.altKey || event.metaKey)) return;
        event.preventDefault();
        this.zoom(panel, Math.exp((event.deltaY || event.deltaX) / 500), this.valueAt(panel, y));
    }

    // Values by a factor more, or fewer, round one that stays where it is; told once it rests.
    zoom(panel, factor, round) {
        const log = panel.log ? Math.log : x => x, exp = panel.log ? Math.exp : x => x;
        panel.y = panel.y.map(end => exp(log(round) + (log(end) - log(round)) * factor));
        clearTimeout(this.wheelEnds);
        const zoomed = {metric: panel.metric, span: [...panel.y]};
        this.wheelEnds = setTimeout(() => this.tell("zoom", zoomed), SOON);
        this.soon();
    }

    // --- the keys --------------------------------------------------------------------------------

    key(event) {
        const shown = this.shown, panel = shown?.panels[this.panel];
        if (!panel || event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
        const last = shown.grid.length - 1, far = event.shiftKey ? 10 : 1;
        const point = this.point ?? Math.min(this.model.get("at"), last);
        const [low, high] = panel.y, middle = panel.log ? Math.sqrt(low * high) : (low + high) / 2;
        const [begin, end] = shown.x, here = shown.grid[point];
        const acts = {
            ArrowLeft: () => this.go(Math.max(0, point - far)),
            ArrowRight: () => this.go(Math.min(last, point + far)),
            Home: () => this.go(0),
            End: () => this.go(last),
            ArrowDown: () => this.enter((this.panel + 1) % shown.panels.length, point),
            ArrowUp: () => this.enter((this.panel + shown.panels.length - 1) % shown.panels.length, point),
            Enter: () => this.tell("moment", {at: here}),
            "[": () => here < end && this.tell("window", {span: [here, end]}),
            "]": () => here > begin && this.tell("window", {span: [begin, here]}),
            "+": () => this.zoom(panel, 0.8, middle),
            "-": () => this.zoom(panel, 1.25, middle),
            "0": () => this.back(),
            m: () => this.openMenu(this.panel),
            Escape: () => this.leave(),
        };
        const act = acts[event.key];
        if (!act) return;
        event.preventDefault();
        event.stopPropagation(); // a notebook has meanings of its own for letters
        act();
    }

    go(point) {
        this.point = point;
        this.pointed = null;
        const panel = this.shown.panels[this.panel];
        const each = this.shown.names.map((name, i) => `${name}: ${told(this.shown, panel, i, point)}`);
        this.spoken.textContent = `${panel.title}, ${this.moment(point)}. ${each.join("; ")}.`;
        this.soon();
    }

    enter(number, point) {
        this.panel = number;
        this.go(point);
    }

    // The moment that is looked at.
    looked() {
        const {grid} = this.shown;
        return grid[Math.min(this.model.get("at"), grid.length - 1)];
    }

    moment(point) {
        return `${this.shown.moments[point]} ${this.shown.unit}`;
    }

    // --- drawing ---------------------------------------------------------------------------------

    soon() {
        this.waiting ??= requestAnimationFrame(() => {
            this.waiting = null;
            this.draw();
        });
    }

    draw() {
        const {canvas, shown} = this, paper = canvas.getContext("2d");
        const ratio = canvas.width / (this.image.clientWidth || 1);
        paper.setTransform(ratio, 0, 0, ratio, 0, 0);
        paper.clearRect(0, 0, canvas.width, canvas.height);
        const drag = this.drag && this.way();
        if (shown) this.drawMoment(paper);
        if (shown && drag) this.drawDrag(paper, drag);
        const isShown = shown && this.point !== null && !drag;
        if (isShown) this.drawPoint(paper);
        this.box.hidden = !isShown;
    }

    // The moment that is looked at: no part of the picture, which would be made anew with each.
    drawMoment(paper) {
        const {panels} = this.shown, at = this.looked();
        paper.lineWidth = 1.4;
        paper.strokeStyle = "#595959";
        for (const panel of panels) this.drawLine(paper, panel, this.across(panel, at));
    }

    drawLine(paper, panel, x) {
        const [, top, , bottom] = this.place(panel);
        paper.beginPath();
        paper.moveTo(x, top);
        paper.lineTo(x, bottom);
        paper.stroke();
    }

    drawDrag(paper, way) {
        const {from, to, panel: number} = this.drag;
        paper.fillStyle = "rgba(1, 115, 178, 0.15)";
        for (const [i, panel] of this.shown.panels.entries()) {
            const [left, top, right, bottom] = this.place(panel);
            if (way === "window") {
                const [a, b] = [from, to].map(([x]) => this.across(panel, this.at(this.shown.panels[number], x)));
                paper.fillRect(Math.min(a, b), top, Math.abs(b - a), bottom - top);
            } else if (i === number) {
                const [a, b] = [from, to].map(([, y]) => Math.min(bottom, Math.max(top, y)));
                paper.fillRect(left, Math.min(a, b), right - left, Math.abs(b - a));
            }
        }
    }

    drawPoint(paper) {
        const {shown, point} = this, at = shown.grid[point];
        for (const [i, panel] of shown.panels.entries()) {
            const [left, top, right, bottom] = this.place(panel), x = this.across(panel, at);
            if (x < left - 1 || x > right + 1) continue;
            paper.lineWidth = i === this.panel ? 1.2 : 0.8;
            paper.strokeStyle = i === this.panel ? "#333" : "#888";
            this.drawLine(paper, panel, x);
            panel.values.forEach((values, line) => {
                const y = this.up(panel, values[point]);
                if (!(y >= top - 1 && y <= bottom + 1)) return;
                paper.fillStyle = shown.colours[line];
                paper.strokeStyle = "white";
                paper.beginPath();
                paper.arc(x, y, 3.5, 0, 2 * Math.PI);
                paper.fill();
                paper.stroke();
            });
        }
        this.fillBox();
    }

    fillBox() {
        const {shown, point, box} = this, panel = shown.panels[this.panel];
        const {clientWidth, clientHeight} = this.image, is = [shown, this.panel, point, clientWidth];
        if (!this.boxIs || is.some((x, i) => x !== this.boxIs[i])) {
            this.boxIs = is;
            box.replaceChildren();
            make("b", "", box, `${panel.title}, ${this.moment(point)}`);
            const tall = 40 + 17 * shown.names.length > clientHeight;
            const rows = make("div", `tmnet-rows${tall ? " tmnet-two" : ""}`, box);
            shown.names.forEach((name, line) => {
                make("i", "", rows).style.background = shown.colours[line];
                make("span", "", rows, name);
                make("span", "", rows, told(shown, panel, line, point));
            });
            box.style.maxWidth = `${Math.min(tall ? 600 : 420, clientWidth / 2 - BESIDE - 1)}px`;
            box.style.left = "0"; // at the right end it would have no room to be as wide as it is
            box.hidden = false; // or it has no size
            this.boxSize = [box.offsetWidth, box.offsetHeight];
        }
        // On the side where it stays in its axes, or else where the figure has more room.
        const [wide, high] = this.boxSize, [left, top, right] = this.place(panel);
        const x = this.across(panel, shown.grid[point]), reach = BESIDE + wide;
        const after = x + reach <= right || (x - reach < left && x < clientWidth / 2);
        box.style.left = `${after ? x + BESIDE : x - reach}px`;
        box.style.top = `${Math.max(0, Math.min(top + 6, clientHeight - high))}px`;
    }

    // --- the menu of an axes -----------------------------------------------------------------------

    fillMenus() {
        this.closeMenu();
        const {panels} = this.shown;
        while (this.menus.children.length > panels.length) this.menus.lastChild.remove();
        while (this.menus.children.length < panels.length) {
            const number = this.menus.children.length, button = make("button", "tmnet-dots", this.menus, "⋮");
            button.type = "button";
            button.addEventListener("click", () => this.openMenu(number));
        }
        panels.forEach((panel, i) => {
            const [, top, right] = panel.place, button = this.menus.children[i];
            button.style.left = `${100 * right}%`;
            button.style.top = `${100 * top}%`;
            button.title = `What to do with ${panel.title}`;
            button.setAttribute("aria-label", button.title);
            button.setAttribute("aria-haspopup", "menu");
        });
    }

    openMenu(number) {
        const wasOpen = this.menu?.number === number;
        this.closeMenu();
        if (wasOpen) return;
        const panel = this.shown.panels[number], {choices} = panel;
        const list = make("div", "tmnet-menu", this.frame);
        list.setAttribute("role", "menu");
        const items = {
            log: "Log scale", full: "Full range", difference: `Difference to ${this.shown.baseline}`,
            pin: "Pin to the top", hide: "Hide",
        };
        if (this.shown.baseline === null) delete items.difference;
        for (const [which, text] of Object.entries(items)) {
            const item = make("button", "", list, text);
            item.type = "button";
            item.setAttribute("role", which === "hide" ? "menuitem" : "menuitemcheckbox");
            if (which !== "hide") item.setAttribute("aria-checked", Boolean(choices[which]));
            item.addEventListener("click", () => {
                this.closeMenu();
                this.root.focus({preventScroll: true});
                this.tell("choice", {metric: panel.metric, which});
            });
        }
        const [, top, right] = this.place(panel);
        list.style.right = `${this.frame.clientWidth - right}px`;
        list.style.top = `${top + 4}px`;
        list.addEventListener("keydown", event => {
            const all = [...list.children], step = {ArrowDown: 1, ArrowUp: all.length - 1}[event.key];
            if (event.key === "Escape") {
                this.closeMenu();
                this.root.focus({preventScroll: true});
            } else if (step) {
                all[(all.indexOf(document.activeElement) + step) % all.length].focus();
            } else {
                return;
            }
            event.preventDefault();
            event.stopPropagation();
        });
        list.addEventListener("focusout", event => {
            if (!list.contains(event.relatedTarget)) this.closeMenu();
        });
        this.menu = {list, number};
        list.firstChild.focus({preventScroll: true});
    }

    closeMenu() {
        const list = this.menu?.list;
        this.menu = null;
        list?.remove();
    }
}

export default {
    render({model, el}) {
        const layer = new Layer(model, el);
        return () => layer.remove();
    },
};
