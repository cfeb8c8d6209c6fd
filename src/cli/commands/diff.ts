/** `airgap diff`: in what two releases differ, and how much of the new one is new. */
import { argument, defineCommand } from '../command.ts';
import { partsOption } from '../options/load-options.ts';

const FORMS = 'an archive, an inventory or a release.lock.json';

export const diff = defineCommand({
  name: 'diff',
  summary: 'show in what two releases differ and how many bytes are new; verifies nothing',
  examples: [
    'diff my-release-offline-1.0.0.tar my-release-offline-1.1.0.tar',
    'diff my-release-1.0.0.inventory.json release.lock.json',
    'diff old.tar new.tar --json',
  ],
  arguments: {
    old: argument('old', `the release that is there: ${FORMS}`),
    new: argument('new', `the release that comes: ${FORMS}`),
  },
  options: { parts: partsOption },
  async run({ output, signal }, { old: before, new: after }, { parts }) {
    const { diffReleases } = await import('../../operations/diff.ts');
    const { toDiffReport } = await import('../../report/diff/diff-report.ts');
    const { describeDiff } = await import('../../report/diff/diff-lines.ts');
    const found = await diffReleases(before, after, { parts, signal });
    if (found.old.name !== found.new.name) {
      output.note(`note: these are two products, ${found.old.name} and ${found.new.name}`);
    }
    output.result(toDiffReport(found), describeDiff(found));
  },
});
