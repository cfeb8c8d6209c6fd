/** The licences and notices of the modules that are compiled into the engine, as one text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const NOTICE = /^(licen[cs]e|notice|copying|patents)/i;

/**
 * One section a module: `modules` has a line for each, with its name, version and folder, the folder last.
 * @throws Error naming a module that comes without a licence.
 */
export function collectNotices(modules: string): string {
  const sections = modules
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', ...rest] = line.split(' ');
      const folder = rest.pop() ?? '';
      const files = readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile() && NOTICE.test(entry.name) && !entry.name.endsWith('.go'))
        .map((entry) => entry.name)
        .sort();
      if (!files.some((file) => /^(licen[cs]e|copying)/i.test(file)))
        throw new Error(`${name} has no licence in ${folder}`);
      const title = [name, ...rest].join(' ');
      return files.map((file) => `==== ${title}: ${file}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`);
    });
  return `The engine that renders charts holds these works, under these terms.\n\n${sections.flat().join('\n')}`;
}
