// Can the functions of an assembly file be given sections of their own? The header that does it (kmod/assembly-sections.h) knows nothing of the
// section that a function stands in, so all that the file defines has to be in `.text`, where the place of a function means nothing.

import type { ObjectFile } from '../elf/object.js';
import { classifySection } from './section-class.js';

/** True when the object defines nothing but code, all of it in `.text`. */
export function isPlainText(file: ObjectFile): boolean {
  return file.sections.every((section) => {
    if (section.size === 0) return true;
    switch (classifySection(section)) {
      case 'text':
        return section.name === '.text';
      case 'table':
      case 'annotation':
      case 'export':
      case 'ignored':
        return true;
      default:
        return false;
    }
  });
}
