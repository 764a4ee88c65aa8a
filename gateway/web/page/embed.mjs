// Turns the page's files into one C++ table: compressed, with a hash of the content as ETag.
//   node embed.mjs SOURCE_FOLDER LIBRARY_FOLDER OUTPUT.cc FILE...
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [sources, libraries, output, ...files] = process.argv.slice(2);
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

// Browsers know no package names: the one import between the libraries gets an address. A version
// that is built differently must not go unnoticed.
function addressed(text) {
  const with_addresses = text.replaceAll(/from\s*"preact"/g, 'from"/lib/preact.js"');
  if (with_addresses === text) throw new Error('preact/hooks no longer imports "preact"');
  return with_addresses;
}

const plain = (text) => text.replace(/\/\/# sourceMappingURL=.*\n?/g, '');
const library = (path) => plain(readFileSync(join(libraries, 'node_modules', path), 'utf8'));
const assets = files.map((file) => ({
  path: file === 'index.html' ? '/' : `/${file}`,
  type: types[extname(file)],
  text: readFileSync(join(sources, file), 'utf8'),
}));
assets.push(
  { path: '/lib/preact.js', type: types['.js'], text: library('preact/dist/preact.module.js') },
  {
    path: '/lib/hooks.js',
    type: types['.js'],
    text: addressed(library('preact/hooks/dist/hooks.module.js')),
  },
  { path: '/lib/htm.js', type: types['.js'], text: library('htm/dist/htm.module.js') },
  { path: '/lib/uplot.js', type: types['.js'], text: library('uplot/dist/uPlot.iife.min.js') },
  { path: '/lib/uplot.css', type: types['.css'], text: library('uplot/dist/uPlot.min.css') },
);

let code = `// Made by gateway/web/page/embed.mjs.
#include "gateway/web/page_assets.h"

#include <array>

namespace hubward::web {
namespace {

`;
let table = '';
let total = 0;
assets.forEach(({ path, type, text }, i) => {
  const bytes = gzipSync(Buffer.from(text), { level: 9 });
  bytes[9] = 255; // the header's "operating system": unknown, so that every machine builds the same
  total += bytes.length;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const rows = [];
  for (let at = 0; at < bytes.length; at += 24) rows.push([...bytes.subarray(at, at + 24)].join(','));
  code += `constexpr unsigned char kBytes${i}[] = {\n${rows.join(',\n')}};\n`;
  table += `      PageAsset{"${path}", "${type}", "\\"${hash}\\"", text_of(kBytes${i})},\n`;
});
code += `
template <std::size_t kSize>
std::string_view text_of(const unsigned char (&bytes)[kSize]) {
  return {reinterpret_cast<const char*>(bytes), kSize};
}

}  // namespace

std::span<const PageAsset> page_assets() {
  static const std::array<PageAsset, ${assets.length}> kAssets{
${table}  };
  return kAssets;
}

}  // namespace hubward::web
`;
writeFileSync(output, code);
// The whole page has a budget, so that it opens at once on a slow machine.
if (total > 120 * 1024) throw new Error(`the page is ${total} bytes compressed, over 120 kB`);
