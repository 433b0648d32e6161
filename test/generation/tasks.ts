/** Tasks that end in every way. Texts for the harness. */

export const HANG = 'await new Promise(() => {})'
export const tasks = {
  echo: 'return ctx.input',
  hang: { run: HANG, options: { timeout: 100 } },
  hold: HANG,
  wait: 'await new Promise((resolve) => setTimeout(resolve, ctx.input)); return "waited"',
  loop: { run: 'for (;;);', options: { timeout: 100 } },
  exit: 'process.exit(3)',
  mine: 'return (globalThis.mine ??= Math.random())',
  slow: `await new Promise((resolve) => setTimeout(resolve, 150))
    return (globalThis.mine ??= Math.random())`,
  honest: `await new Promise((_, reject) =>
    ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))`,
}
