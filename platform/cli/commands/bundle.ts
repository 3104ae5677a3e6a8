import { Command } from 'commander';
import { dirname, join } from 'node:path';
import { committed, imagesToBundle, makeBundle } from '../../release/bundle.ts';
import { asCalled, hasReleaseTools, inReleaseImage } from '../../release/in-release-image.ts';
import { images } from '../images/catalogue.ts';
import { ensureImages } from '../images/ensure.ts';
import { plain, Progress } from '../progress.ts';
import { PROJECT, versions } from '../versions.ts';

export function bundleCommand(): Command {
  return new Command('bundle')
    .description('one archive for an installation without internet: the project and all images')
    .option('--to <file>', 'where to write it', `holdfast-${versions.HOLDFAST_VERSION}.tar`)
    .option('--json', 'for programs: what is in it')
    .addHelpText('after', `
There:  tar -xf holdfast-${versions.HOLDFAST_VERSION}.tar && cd holdfast-${versions.HOLDFAST_VERSION} && sudo ./holdfast up
Docker must be on that machine: its packages are not in the archive.
Exit status: 0 written, 1 something to mend (the message says what), 2 wrong arguments.`)
    .action(async (options: { to: string; json?: true }) => {
      const file = asCalled(options.to);
      if (hasReleaseTools) await pack(file, options.json === true);
      else process.exitCode = await inReleaseImage({ read: [], write: [dirname(file)] });
    });
}

async function pack(file: string, json: boolean): Promise<void> {
  const progress = new Progress(2);
  await committed();
  const packed = await progress.step('images', async (say) => {
    await ensureImages('', join(PROJECT, '.holdfast', '_release', 'log'), say, images);
    return imagesToBundle();
  });
  for (const image of packed.missing) plain(`      not in the bundle, as it is not here and cannot be pulled: ${image}`);
  const bundle = await progress.step('bundle', (say) => makeBundle(file, packed, say));
  if (json) console.log(JSON.stringify(bundle, null, 2));
  else plain(`\n${bundle.file}: ${(bundle.size_bytes / 1024 ** 2).toFixed(0)} MiB, ${bundle.images.length + 1} images, commit ${bundle.commit.slice(0, 12)} (${progress.elapsed()})\n  sha256  ${bundle.sha256}`);
}
