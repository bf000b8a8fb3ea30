// Search works in a Worker, and browsers start none for a page opened from disk. There this class
// takes its place: the script runs in a hidden frame, and messages are events.
class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    this.inside = frame.contentWindow;
    this.inside.postMessage = (data) => {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      this.onmessage?.(event);
    };
    this.inside.importScripts = (...urls) =>
      urls.reduce((before, next) => before.then(() => this.load(next)), Promise.resolve());
    this.ready = this.load(url);
  }

  load(url) {
    return new Promise((done, failed) => {
      const script = this.inside.document.createElement("script");
      script.src = url;
      script.onload = done;
      script.onerror = failed;
      this.inside.document.body.append(script);
    });
  }

  postMessage(data) {
    this.ready.then(() => {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    });
  }

  terminate() {
    this.inside.frameElement.remove();
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;
