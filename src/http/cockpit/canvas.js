/**
 * The part of the package fancy-canvas that the charts use: a canvas whose bitmap has as many pixels as the screen shows.
 * The package gives only its entry file away, which is made of others, so it cannot be served as it is.
 *
 * @module
 */

/** A size in whole pixels. */
export const size = ({ width, height }) => ({ width: Math.max(0, width), height: Math.max(0, height) });

/** Whether two sizes are the same. */
export const equalSizes = (a, b) => a.width === b.width && a.height === b.height;

/** Keeps a canvas and its bitmap together; `transform` has the last word on the bitmap's size. */
export function bindCanvasElementBitmapSizeTo(canvas, { transform = (bitmap) => bitmap } = {}) {
  const listeners = new Set();
  let client = size({ width: canvas.clientWidth, height: canvas.clientHeight });
  let bitmap = size(canvas);
  let suggested = null;
  /** In device pixels, as the browser lays the canvas out; it rounds where a ratio is fractional. */
  let box = null;

  const observer = new ResizeObserver(([{ devicePixelContentBoxSize: [pixels] = [] }]) => {
    box = pixels === undefined ? null : { width: pixels.inlineSize, height: pixels.blockSize };
    suggest();
  });
  try {
    observer.observe(canvas, { box: "device-pixel-content-box" });
  } catch {
    // Where browsers do not know that box, the ratio alone tells the size.
  }

  function suggest() {
    const ratio = globalThis.devicePixelRatio;
    const wanted = box ??
      { width: Math.round(client.width * ratio), height: Math.round(client.height * ratio) };
    const next = size(transform(wanted, client));
    const before = suggested;
    suggested = equalSizes(next, bitmap) ? null : next;
    if (suggested !== null) { for (const listener of [...listeners]) listener.call(binding, before, suggested); }
  }

  const binding = {
    canvasElement: canvas,
    get canvasElementClientSize() {
      return client;
    },
    get bitmapSize() {
      return bitmap;
    },
    get suggestedBitmapSize() {
      return suggested;
    },
    resizeCanvasElement(wanted) {
      client = size(wanted);
      canvas.style.width = `${client.width}px`;
      canvas.style.height = `${client.height}px`;
      box = null;
      suggest();
    },
    subscribeSuggestedBitmapSizeChanged: (listener) => listeners.add(listener),
    unsubscribeSuggestedBitmapSizeChanged: (listener) => listeners.delete(listener),
    applySuggestedBitmapSize() {
      if (suggested === null) return;
      bitmap = suggested;
      suggested = null;
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    },
    dispose: () => observer.disconnect(),
  };
  return binding;
}

/** Draws on a bound canvas in CSS pixels or in those of the bitmap; `null` where there is nothing to draw on. */
export function tryCreateCanvasRenderingTarget2D(binding, options) {
  const { canvasElement, canvasElementClientSize: mediaSize, bitmapSize } = binding;
  const context = canvasElement.getContext("2d", options);
  if (context === null || [mediaSize, bitmapSize].some(({ width, height }) => width === 0 || height === 0)) return null;
  const horizontalPixelRatio = bitmapSize.width / mediaSize.width;
  const verticalPixelRatio = bitmapSize.height / mediaSize.height;
  function within(x, y, draw) {
    context.save();
    try {
      context.setTransform(x, 0, 0, y, 0, 0);
      return draw();
    } finally {
      context.restore();
    }
  }
  return {
    useMediaCoordinateSpace: (draw) =>
      within(horizontalPixelRatio, verticalPixelRatio, () => draw({ context, mediaSize })),
    useBitmapCoordinateSpace: (draw) =>
      within(1, 1, () => draw({ context, mediaSize, bitmapSize, horizontalPixelRatio, verticalPixelRatio })),
  };
}
