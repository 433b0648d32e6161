// `npm pack` in the repository itself: it would pack TypeScript that no Node runs below node_modules.
console.error('the package is built into dist/: npm run build && npm pack ./dist')
process.exitCode = 1
