// <lookalike-strip sku="TS-100"></lookalike-strip>: products that look like one, on any web page.
// A classic script without dependencies; everything that it shows is in a shadow root.

(() => {
  if (customElements.get("lookalike-strip")) return;

  const SERVER = new URL(".", document.currentScript?.src ?? location.href).href;
  const MOST = 48;
  const PATIENCE = 10_000; // milliseconds until a request is given up
  const NEAR = "300px"; // how far below the window a strip begins to load

  const style = new CSSStyleSheet(); // not a <style>, which a page's policy may forbid
  style.replaceSync(`
    :host { display: block; font: var(--lookalike-font, inherit); color: var(--lookalike-ink, inherit); }
    :host([hidden]), [hidden] { display: none !important; }
    h2 { margin: 0 0 0.75em; font: var(--lookalike-heading-font, inherit); font-weight: 600; }
    ul { display: flex; gap: var(--lookalike-gap, 1rem); margin: 0; padding: 4px; overflow-x: auto;
         list-style: none; scroll-snap-type: x proximity; overscroll-behavior-x: contain; }
    li { flex: 0 0 var(--lookalike-card-width, 10rem); min-width: 0; scroll-snap-align: start; }
    a { display: block; color: inherit; text-decoration: none; border-radius: var(--lookalike-radius, 0.5rem); }
    a:focus-visible { outline: 3px solid var(--lookalike-accent, currentColor); outline-offset: 1px; }
    a:hover .name { text-decoration: underline; }
    img { display: block; box-sizing: border-box; width: 100%; height: auto; aspect-ratio: var(--lookalike-photo-ratio, 1);
          object-fit: contain; background: var(--lookalike-photo-background, #fff);
          border-radius: var(--lookalike-radius, 0.5rem); margin-bottom: 0.5em; }
    img.broken { visibility: hidden; }
    span { display: block; font-size: 0.875em; line-height: 1.35; }
    .name { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; }
    .price { font-variant-numeric: tabular-nums; }
    s { margin-inline-end: 0.4em; }
  `);

  /** An element with properties and children. */
  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    if (properties.className) made.setAttribute("part", properties.className);
    made.append(...children);
    return made;
  }

  class LookalikeStrip extends HTMLElement {
    static observedAttributes = ["sku", "top-n", "api", "filter", "link", "heading", "currency"];

    #root = this.attachShadow({ mode: "open" });
    #section = element("section", { className: "strip", hidden: true });
    #fallback = document.createElement("slot"); // what the page has between the tags
    #watch = new IntersectionObserver((seen) => this.#approach(seen), { rootMargin: NEAR });
    #request = new AbortController();
    #near = false;
    #due = false;

    constructor() {
      super();
      this.#root.adoptedStyleSheets = [style];
      this.#root.append(this.#section, this.#fallback);
    }

    connectedCallback() {
      this.#watch.observe(this);
      this.#soon();
    }

    disconnectedCallback() {
      this.#watch.disconnect();
      this.#request.abort();
      this.#near = false;
    }

    attributeChangedCallback() {
      this.#soon();
    }

    /** Begins once the strip comes near the window. */
    #approach(seen) {
      if (this.#near || !seen.some((entry) => entry.isIntersecting)) return;
      this.#near = true;
      this.#soon();
    }

    /** Loads once, however many attributes change at the same time. */
    #soon() {
      if (this.#due || !this.#near) return;
      this.#due = true;
      queueMicrotask(() => {
        this.#due = false;
        if (this.isConnected) this.#load();
      });
    }

    get #server() {
      const given = this.getAttribute("api");
      return given ? new URL(given.replace(/\/*$/, "/"), location.href) : new URL(SERVER);
    }

    get #address() {
      const wanted = Number.parseInt(this.getAttribute("top-n"), 10) || 6;
      const asked = new URLSearchParams(this.getAttribute("filter") ?? "");
      asked.set("top_n", Math.min(MOST, Math.max(1, wanted)));
      const sku = encodeURIComponent(this.getAttribute("sku"));
      return new URL(`api/v1/items/${sku}/similar?${asked}`, this.#server);
    }

    async #load() {
      this.#request.abort();
      if (!this.getAttribute("sku")) return this.#show("empty", []);
      const request = (this.#request = new AbortController());
      const giveUp = setTimeout(() => request.abort(), PATIENCE);
      this.dataset.state = "loading";
      try {
        const answer = await fetch(this.#address, { signal: request.signal, credentials: "omit" });
        const body = await answer.json();
        if (answer.ok) this.#show(body.results.length ? "ready" : "empty", body.results);
        // Not in the catalog, or without a photo: nothing to show, and nothing that is broken.
        else this.#show([404, 409].includes(answer.status) ? "empty" : "error", [], body.detail);
      } catch (error) {
        if (request === this.#request && this.isConnected) this.#show("error", [], error);
      } finally {
        clearTimeout(giveUp);
      }
    }

    /** Shows products; without any, what the page has between the tags. */
    #show(state, products, reason) {
      if (reason) console.info("lookalike-strip:", reason);
      const heading = this.getAttribute("heading") ?? "Similar products";
      const list = element("ul", { className: "list", role: "list" }, ...products.map((each) => this.#card(each)));
      this.#section.replaceChildren(...(heading ? [element("h2", { className: "heading" }, heading)] : []), list);
      this.#section.ariaLabel = heading || null;
      this.#section.hidden = state !== "ready";
      this.#fallback.hidden = state === "ready";
      this.dataset.state = state;
      this.dispatchEvent(new CustomEvent("lookalike-shown", { bubbles: true, detail: { state, products } }));
    }

    #card(product) {
      const photo = element("img", {
        className: "photo", alt: "", loading: "lazy", decoding: "async", width: 240, height: 240,
        onerror: () => photo.classList.add("broken"),
      });
      const address = new URL(product.image_url, this.#server);
      address.searchParams.set("width", "240");
      photo.src = address;
      const name = product.product_display_name || product.sku;
      const card = element("a", { className: "card", href: this.#link(product) }, photo, element("span", { className: "name", dir: "auto" }, name));
      const { price, discounted_price: now } = product;
      if (price !== null || now !== null) {
        const reduced = price !== null && now !== null && now < price;
        const before = reduced ? [element("s", { className: "before", ariaHidden: "true" }, this.#money(price))] : [];
        card.append(element("span", { className: "price" }, ...before, this.#money(reduced ? now : price ?? now)));
      }
      card.addEventListener("click", (event) => {
        const chosen = new CustomEvent("lookalike-chosen", { bubbles: true, cancelable: true, detail: product });
        if (!this.dispatchEvent(chosen)) event.preventDefault();
      });
      return element("li", { className: "item" }, card);
    }

    /** The address of a product's page: the shop's own, by the template, else the server's. */
    #link(product) {
      const template = this.getAttribute("link") || `${this.#server}items/{sku}`;
      return template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(product[name] ?? ""));
    }

    #money(amount) {
      const currency = this.getAttribute("currency");
      const language = this.closest("[lang]")?.lang || undefined;
      const whole = Number.isInteger(amount) ? 0 : 2;
      const how = currency ? { style: "currency", currency } : { minimumFractionDigits: whole, maximumFractionDigits: 2 };
      return new Intl.NumberFormat(language, how).format(amount);
    }
  }

  customElements.define("lookalike-strip", LookalikeStrip);
})();
