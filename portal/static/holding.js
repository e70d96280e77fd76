// Checks a proof of holding in the browser: nothing is sent but the question which root was published.
"use strict";
(() => {
  const form = document.getElementById("holding");
  const local = document.getElementById("holding-local");
  const told = document.getElementById("holding-told");
  if (!form || !window.crypto?.subtle || !window.BigInt) return;
  local.hidden = false;

  const MOST = 2n ** 63n - 1n;
  const HEX = /^[0-9a-f]{64}$/;
  const NUMBER = /^(0|[1-9][0-9]{0,18})$/;
  class Wrong extends Error {}
  const need = (good, code) => { if (!good) throw new Wrong(code); };

  function text(value) {
    need(typeof value === "string" && value.length <= 64, "not_a_proof");
    return new TextEncoder().encode(value);
  }
  function hex(value) {
    need(typeof value === "string" && HEX.test(value), "not_a_proof");
    return Uint8Array.from(value.match(/../g), (pair) => parseInt(pair, 16));
  }
  function number(value) {
    need(typeof value === "string" && /^-?[0-9]{1,40}$/.test(value), "not_a_proof");
    need(NUMBER.test(value) && BigInt(value) <= MOST, "units_out_of_range");
    return BigInt(value);
  }
  function packed(units) {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, units);
    return new Uint8Array(bytes.buffer);
  }
  async function sha256(...parts) {
    const message = new Uint8Array(await new Blob(parts).arrayBuffer());
    return new Uint8Array(await crypto.subtle.digest("SHA-256", message));
  }

  // From the own leaf to the root. Throws Wrong, with the same codes as the server.
  async function check(proof) {
    need(proof && typeof proof === "object" && Array.isArray(proof.path) && proof.path.length <= 64, "not_a_proof");
    [proof.class, proof.date].forEach(text);
    const root = proof.root;
    hex(root);
    const total = number(proof.total_units);
    let units = number(proof.units);
    const steps = proof.path.map((step) => {
      need(step && ["left", "right"].includes(step.side), "not_a_proof");
      return { side: step.side, hash: hex(step.hash), units: number(step.units) };
    });
    let hash = await sha256(Uint8Array.of(0), hex(proof.salt), text(proof.holder), packed(units));
    for (const step of steps) {
      const own = [hash, packed(units)];
      const beside = [step.hash, packed(step.units)];
      const pair = step.side === "right" ? [...own, ...beside] : [...beside, ...own];
      units += step.units;
      need(units <= MOST, "units_out_of_range");
      hash = await sha256(Uint8Array.of(1), ...pair);
    }
    need(units === total, "another_total");
    need(Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") === root, "another_root");
  }

  async function published(proof) {
    const place = `${form.dataset.proofs}${encodeURIComponent(proof.class)}/${encodeURIComponent(proof.date)}`;
    const answer = await fetch(place, { credentials: "omit" });
    need(answer.ok || answer.status === 404, "unreachable");
    const one = answer.ok ? await answer.json() : {};
    need(one.root === proof.root && one.total_units === proof.total_units, "not_published");
  }

  function say(code) {
    told.textContent = told.dataset[code.replace(/_(.)/g, (_all, letter) => letter.toUpperCase())];
    told.className = `k-note k-note--${code === "holds" ? "good" : "bad"}`;
    told.dataset.code = code;
    told.hidden = false;
  }

  local.addEventListener("click", async () => {
    try {
      const file = form.elements.file.files[0];
      const proof = JSON.parse(file ? await file.text() : form.elements.text.value);
      await check(proof);
      await published(proof);
      say("holds");
    } catch (error) {
      say(error instanceof Wrong ? error.message : error instanceof SyntaxError ? "not_a_proof" : "unreachable");
    }
  });
})();
