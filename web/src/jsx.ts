// What elements are written as in the bundle (build.mjs); the type check reads them as tsconfig.json says.
export { Fragment, h } from 'preact';
