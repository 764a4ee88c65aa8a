// Runs named checks one after the other, one line each, and counts.
'use strict';

// Waits for a condition, never for time to pass: resolves to the first truthy value.
async function until(what, condition, deadlineMs = 10000) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// The next event of that name, or an error after the deadline.
function nextEvent(emitter, name, deadlineMs = 10000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${name}" in ${deadlineMs} ms`)), deadlineMs);
    emitter.once(name, (...values) => {
      clearTimeout(timer);
      resolve(values.length > 1 ? values : values[0]);
    });
  });
}

// The error that a promise ends with; success is a failure of the check.
async function refusal(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`should have been refused, but gave ${JSON.stringify(value)}`);
}

class Checks {
  constructor() {
    this.passed = 0;
    this.failed = 0;
  }
  async check(name, body, deadlineMs = 60000) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${deadlineMs} ms`)), deadlineMs);
    });
    try {
      await Promise.race([body(), late]);
      this.passed += 1;
      console.log(`ok    ${name}`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAIL  ${name}: ${error && error.message}`);
      if (process.env.HUBWARD_VERBOSE) console.log(error.stack);
    } finally {
      clearTimeout(timer);
    }
  }
}

module.exports = {Checks, nextEvent, refusal, until};
