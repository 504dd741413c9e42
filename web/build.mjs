// Builds the browser's side.
//
//   node build.mjs --c FILE [--depfile FILE]   everything as one C file, see src/web/assets.h
//   node build.mjs --dir DIR [--watch]         into a directory, for `inkling serve --web-root DIR`
//   --no-check                                 without the type check
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import zlib from 'node:zlib';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const { values: options } = parseArgs({
  options: {
    c: { type: 'string' },
    depfile: { type: 'string' },
    dir: { type: 'string' },
    watch: { type: 'boolean', default: false },
    'no-check': { type: 'boolean', default: false },
  },
});
const esbuild = await import('esbuild');

const types = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

const settings = {
  absWorkingDir: here,
  entryPoints: { main: 'src/main.tsx', style: 'src/styles/main.css', icon: 'src/icon.svg' },
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  outdir: 'out',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.svg': 'copy' },
  // Children as arguments instead of a property: a kilobyte less than the automatic form.
  tsconfigRaw: { compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Fragment' } },
  inject: ['src/jsx.ts'],
  minify: !options.watch,
  legalComments: 'none',
  metafile: true,
  write: false,
};

// The components for pages of other systems: one plain script, which any page can load, with its styles inside.
const stylesAsText = {
  name: 'styles-as-text',
  setup: (build) => build.onLoad({ filter: /\.css$/ }, async ({ path: file }) => {
    const { code } = await esbuild.transform(fs.readFileSync(file, 'utf8'), { loader: 'css', minify: true });
    return { contents: code.trim(), loader: 'text' };
  }),
};
const embedSettings = {
  absWorkingDir: here,
  entryPoints: { inkling: 'src/embed/main.ts' },
  outdir: 'out',
  bundle: true,
  format: 'iife',
  target: 'es2022',
  plugins: [stylesAsText],
  minify: !options.watch,
  legalComments: 'none',
  write: false,
};
const embedOf = (result) => Buffer.from(result.outputFiles[0].contents);

function check() {
  const result = spawnSync(process.execPath, [path.join(here, 'node_modules/typescript/bin/tsc'), '-p', here], { stdio: ['ignore', process.stderr, process.stderr] });
  if (result.status !== 0) throw new Error('the type check found faults');
}

// esbuild keeps what two bundles share in a third, which the page would have to fetch, too, before anything is drawn. Here
// that goes into main, which exports it under names of their own, and the others import it from there. As each then names
// the other, the hash in all their names is that of all of them. Gives texts by name.
async function withOneMain({ outputFiles, metafile }) {
  const texts = new Map(outputFiles.filter(({ path: file }) => file.endsWith('.js')).map((file) => [path.basename(file.path), file.text]));
  const outputs = Object.fromEntries(Object.entries(metafile.outputs).map(([file, output]) => [path.basename(file), output]));
  const main = [...texts.keys()].find((name) => outputs[name].entryPoint === 'src/main.tsx');
  const shared = [];
  const follow = (name) => {
    for (const { path: file, kind } of outputs[name].imports)
      if (kind === 'import-statement' && !shared.includes(path.basename(file))) {
        shared.push(path.basename(file));
        follow(path.basename(file));
      }
  };
  follow(main);
  const exported = (name, write) => `{${outputs[name].exports.map((one) => write(one, `${one}_${shared.indexOf(name)}`)).join(',')}}`;
  const bundle = async (contents, read) => {
    const inMemory = { name: 'in memory', setup: (build) => {
      build.onResolve({ filter: /^\.\// }, ({ path: file }) => (read(file.slice(2)) === undefined ? { path: file, external: true } : { path: file.slice(2), namespace: 'out' }));
      build.onLoad({ filter: /./, namespace: 'out' }, ({ path: name }) => ({ contents: read(name) }));
    } };
    const { bundle: together, format, target, minify, legalComments } = settings;
    const result = await esbuild.build({ bundle: together, format, target, minify, legalComments, stdin: { contents }, plugins: [inMemory], write: false });
    return result.outputFiles[0].text;
  };
  const built = new Map();
  const whole = shared.map((name) => `export ${exported(name, (one, outside) => `${one} as ${outside}`)} from './${name}';`);
  built.set(main, await bundle(`${whole.join('')}import './${main}';`, (name) => (name === main || shared.includes(name) ? texts.get(name) : undefined)));
  const fromMain = (name) => (shared.includes(name) ? `export ${exported(name, (one, outside) => `${outside} as ${one}`)} from './${main}';` : undefined);
  for (const [name, text] of texts) if (name !== main && !shared.includes(name)) built.set(name, await bundle(text, fromMain));
  const digest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 10).toUpperCase();
  const all = digest([...built.values()].join(''));
  const names = new Map([...built.keys()].map((name) => [name, `${name.slice(0, name.lastIndexOf('-'))}-${digest(name + all)}.js`]));
  return [...built].map(([name, text]) => [names.get(name), [...names].reduce((sum, [old, now]) => sum.replaceAll(`./${old}`, `./${now}`), text)]);
}

// The outputs by name, and the page that names them. Screens that load later are found by the code itself.
async function collect(result) {
  const scripts = (await withOneMain(result)).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  const others = result.outputFiles.filter(({ path: file }) => !file.endsWith('.js'));
  const assets = [...scripts, ...others.map((file) => ({ name: path.basename(file.path), bytes: Buffer.from(file.contents) }))];
  const named = (start) => {
    const found = assets.find(({ name }) => name.startsWith(`${start}-`));
    if (!found) throw new Error(`the build has no ${start}`);
    return `/assets/${found.name}`;
  };
  const shell = fs
    .readFileSync(path.join(here, 'index.html'), 'utf8')
    .replace('{{icon}}', named('icon'))
    .replace('{{style}}', named('style'))
    .replace('{{main}}', named('main'));
  return { assets, shell };
}

function compressed(bytes) {
  const gzip = zlib.gzipSync(bytes, { level: 9 });
  const brotli = zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  const useful = (coded) => (coded.length < bytes.length * 0.95 ? coded : Buffer.alloc(0));
  return [bytes, useful(gzip), useful(brotli)];
}

function writeC(file, { assets, shell, embed }) {
  const out = ['/* Written by web/build.mjs. */', '#include "web/assets.h"', ''];
  const array = (name, bytes) => out.push(`static const unsigned char ${name}[] = {${[...bytes, 0].join(',')}};`);
  const rows = [...assets, { name: 'inkling.js', bytes: embed }].map(({ name, bytes }, index) => {
    const slices = compressed(bytes).map((coded, coding) => {
      array(`bytes_${index}_${coding}`, coded);
      return `{(const char *)bytes_${index}_${coding}, ${coded.length}}`;
    });
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 20);
    return `{"${name}", "${types[path.extname(name)]}", "${hash}", {${slices.join(', ')}}}`;
  });
  const page = Buffer.from(shell);
  array('shell_bytes', page);
  out.push('', `const struct web_asset web_embed = ${rows.pop()};`);
  out.push('const struct web_asset web_assets[] = {', ...rows.map((row) => `    ${row},`), '};');
  out.push('const size_t web_assets_count = sizeof(web_assets) / sizeof(web_assets[0]);');
  out.push(`const struct slice web_shell = {(const char *)shell_bytes, ${page.length}};`, '');
  fs.writeFileSync(file, out.join('\n'));
}

function writeEmbed(directory, embed) {
  fs.mkdirSync(path.join(directory, 'embed'), { recursive: true });
  fs.writeFileSync(path.join(directory, 'embed/inkling.js'), embed);
}

function writeDirectory(directory, { assets, shell }) {
  fs.mkdirSync(path.join(directory, 'assets'), { recursive: true });
  const kept = new Set(assets.map(({ name }) => name));
  for (const { name, bytes } of assets) fs.writeFileSync(path.join(directory, 'assets', name), bytes);
  fs.writeFileSync(path.join(directory, 'index.html'), shell);
  for (const name of fs.readdirSync(path.join(directory, 'assets'))) if (!kept.has(name)) fs.rmSync(path.join(directory, 'assets', name));
}

// What the result depends on, for ninja.
function writeDepfile(file, target, metafile) {
  const inputs = Object.keys(metafile.inputs).map((name) => path.resolve(here, name));
  const sources = fs.readdirSync(path.join(here, 'src'), { recursive: true }).map((name) => path.join(here, 'src', name)).filter((name) => fs.statSync(name).isFile());
  const own = ['index.html', 'build.mjs', 'tsconfig.json', 'package-lock.json'].map((name) => path.join(here, name));
  const all = [...new Set([...inputs, ...sources, ...own])].map((name) => name.replaceAll(' ', '\\ '));
  fs.writeFileSync(file, `${target}: ${all.join(' ')}\n`);
}

if (options.watch) {
  const directory = path.resolve(options.dir);
  const whenBuilt = (write) => ({ name: 'write', setup: (build) => build.onEnd(async (result) => {
    if (result.errors.length > 0) return;
    await write(result);
    console.log(`${new Date().toLocaleTimeString()} built ${directory}`);
  }) });
  const pages = await esbuild.context({ ...settings, plugins: [whenBuilt(async (result) => writeDirectory(directory, await collect(result)))] });
  const embed = await esbuild.context({ ...embedSettings, plugins: [...embedSettings.plugins, whenBuilt((result) => writeEmbed(directory, embedOf(result)))] });
  await Promise.all([pages.watch(), embed.watch()]);
} else {
  const [result, embed] = await Promise.all([esbuild.build(settings), esbuild.build(embedSettings), options['no-check'] ? null : check()]);
  const built = { ...(await collect(result)), embed: embedOf(embed) };
  if (options.dir) {
    writeDirectory(path.resolve(options.dir), built);
    writeEmbed(path.resolve(options.dir), built.embed);
  }
  if (options.c) writeC(options.c, built);
  if (options.c && options.depfile) writeDepfile(options.depfile, options.c, result.metafile);
}
