/** The files that a load or a mirror run leaves: opened before anything moves, written when all is in its place. */
import { lstat, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openResultFile } from '../../base/files/result-file.ts';
import { inContext } from '../../errors.ts';
import { formatMapping, type Mapping } from '../../release/mapping/mapping.ts';
import { formatDocument } from '../json-document.ts';

/** `mapping.txt` and the JSON report, which can be written. */
export interface ReportFiles extends AsyncDisposable {
  /** @throws StoreError `STORE_IO`, `NO_SPACE`: the work is complete all the same, as the message says. */
  write(document: object, mappings: readonly Mapping[]): Promise<void>;
}

/**
 * Opens `mapping.txt` and `<name>-report.json` in a directory, which is made.
 * @throws StoreError `STORE_IO`, `NO_SPACE` when they cannot be written: nothing was done.
 */
export async function openReports(directory: string, name: 'load' | 'mirror'): Promise<ReportFiles> {
  await using files = new AsyncDisposableStack();
  const isNew = (await lstat(directory).catch(() => undefined)) === undefined;
  // Reports that were not written leave no empty directory; one with something in it stays.
  if (isNew) files.defer(() => rmdir(directory).catch(() => undefined));
  try {
    const mapping = files.use(await openResultFile(join(directory, 'mapping.txt')));
    const report = files.use(await openResultFile(join(directory, `${name}-report.json`)));
    const opened = files.move();
    return {
      write: async (document, mappings) => {
        try {
          await mapping.write(formatMapping(mappings));
          await report.write(formatDocument(document));
        } catch (error) {
          throw inContext(error, `the ${name} is complete, and its report is not there; run the same command again`);
        }
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    throw inContext(error, 'nothing was done');
  }
}
