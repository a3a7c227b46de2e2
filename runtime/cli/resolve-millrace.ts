// Module hooks for job files. `millrace` and its sub-paths, in whatever file they stand, are resolved from this package,
// so that a job and the runtime share one copy. TypeScript is read as ES modules wherever it lies: a job needs no
// package.json beside it that says so.
import type { ResolveHook } from 'node:module';

export const resolve: ResolveHook = async (specifier, context, next) => {
  const isOurs = specifier === 'millrace' || specifier.startsWith('millrace/');
  const resolved = await next(specifier, isOurs ? { ...context, parentURL: import.meta.url } : context);
  const { pathname } = new URL(resolved.url);
  return /\.tsx?$/.test(pathname) && !pathname.includes('/node_modules/')
    ? { ...resolved, format: 'module' }
    : resolved;
};
