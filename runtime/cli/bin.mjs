#!/usr/bin/env node
// The `millrace` command. In a clone it first makes sure that the build is there and fresh; in an installed package the
// build is part of the package.
import { existsSync } from 'node:fs';

if (existsSync(new URL('../../dsl/index.ts', import.meta.url))) await import('./ensure-ready.mjs');
await import(new URL('../../dist/runtime/cli/main.js', import.meta.url).href);
