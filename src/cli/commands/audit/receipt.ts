/** `airgap audit receipt`: what a receipt says was loaded, and whose it is. */
import { argument, defineCommand, text } from '../../command.ts';
import { formatTable, shortDigest } from '../../../report/format.ts';
import { readPublicKey } from '../../inputs/keys.ts';

export const auditReceipt = defineCommand({
  name: 'audit receipt',
  summary:
    'show what a receipt says was loaded; verify who signed it (--key) and which archive it is about (--archive)',
  examples: [
    'audit receipt receipt.json --key site.pub',
    'audit receipt receipt.json --key site.pub --archive my-release-offline-1.0.0.tar',
    'audit receipt receipt.json',
  ],
  arguments: { receipt: argument('receipt', 'the file') },
  options: {
    key: text('--key <file>', 'public key of the site, which must have signed it'),
    archive: text('--archive <file>', 'archive whose load it must be; only its front is read'),
  },
  async run({ output, signal }, { receipt: path }, { key, archive: archivePath }) {
    const { readReceiptFile } = await import('../../../site/receipts/receipt-file.ts');
    const { evaluateReceipt, receiptDocument } = await import('../../../report/receipt-lines.ts');
    const receipt = await readReceiptFile(path, signal);
    const siteKey = key === undefined ? undefined : await readPublicKey(key, signal);
    const verdict = evaluateReceipt(receipt, siteKey);
    const { assertReceiptFor } = await import('../../../site/receipts/receipt-archive.ts');
    const matching = archivePath === undefined ? undefined : await assertReceiptFor(receipt, archivePath, signal);
    const { entry, head } = receipt;
    const { at, operator, archive, release, target, exceptions = [], images = [] } = entry;
    const who = [operator.stated, operator.user, operator.uid === undefined ? undefined : `uid ${operator.uid}`];
    output.result(
      { kind: 'receipt', ...receiptDocument(receipt, siteKey), ...(matching && { matches: matching }), entry },
      [
        `${release === undefined ? 'an archive' : `${release.product} ${release.version} (${release.channel})`}, loaded ${at}`,
        `  receipt   ${verdict}`,
        `  archive   ${archive.digest ?? ''} (of checksums.txt)`,
        ...(matching === undefined
          ? []
          : [`  matches   ${matching.path}, whose content is verified with \`airgap verify\``]),
        `  target    ${target ?? ''}`,
        `  by        ${who.filter((name) => name !== undefined).join(', ')} at ${operator.host}`,
        `  log       entry ${entry.sequence}, ${head}`,
        ...(exceptions.length === 0 ? [] : [`  EXCEPTION for ${exceptions.join(', ')}`]),
        ...formatTable(
          images.map((image) => ['image', image.place, shortDigest(image.digest), image.result]),
          '  ',
        ),
      ],
    );
  },
});
