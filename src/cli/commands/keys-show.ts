/** `airgap keys show`: which key a file holds. */
import { argument, defineCommand } from '../command.ts';
import { readPublicKey } from '../keys.ts';

export const keysShow = defineCommand({
  name: 'keys show',
  summary: 'print the key id of a public key',
  examples: ['keys show release.pub'],
  arguments: { file: argument('file', 'public key in PEM') },
  options: {},
  async run({ output }, { file }) {
    const { algorithmOf, keyId } = await import('../../trust/keys.ts');
    const key = await readPublicKey(file);
    const [id, algorithm] = [keyId(key), algorithmOf(key, file)];
    output.result({ path: file, keyId: id, algorithm }, [`${id}  ${algorithm}`]);
  },
});
