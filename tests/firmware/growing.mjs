// Runs the heap policy on a heap that grows by areas: the one port of MicroPython besides the ESP32's
// that has it. Arguments: the folder of the npm package, the folder that device() has made, a program.
//
// This port collects between calls from JavaScript only, where no stack can hide a root. So the
// program's step() asks for a collection, which then follows, and its finish() does what comes after.
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const [npm, device, program] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(`${npm}/micropython.mjs`));
const lines = [];
const mp = await loadMicroPython({ heapsize: 57344, stdout: (line) => lines.push(line), linebuffer: true });
const copy = (from, to) => {
  mp.FS.mkdir(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true }))
    if (entry.isDirectory()) copy(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else mp.FS.writeFile(`${to}/${entry.name}`, fs.readFileSync(`${from}/${entry.name}`));
};
copy(device, '/device');
mp.runPython('import sys; sys.path.insert(0, "/device")');
mp.runPython(fs.readFileSync(program, 'utf8'));
const get = (name) => mp.globals.get(name);
const [step, finish] = [get('step'), get('finish')];
for (let number = 0; number < get('steps'); number++) {
  if (get('hidden') && number % get('hidden') === get('hidden') - 1) mp.runPython('gc.collect()');
  step(number);
  if (get('pending')) finish();
}
mp.runPython('measure()');
mp.runPython('report()');
console.log(lines.join('\n'));
