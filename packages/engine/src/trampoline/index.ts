// What a program in a guest needs to talk to the trampoline engine's core, without the rest of the engine.

export { linkAbsolute } from '../module/link-absolute.js';
export {
  BUILD_ID_SIZE,
  CORE_ABI,
  CORE_CODE,
  CORE_DATA,
  CORE_FIXUP,
  CORE_FLAG,
  CORE_HOOK,
  CORE_LIMIT,
  CORE_MAGIC,
  CORE_NAME,
  CORE_OBJECT,
  CORE_REPLY,
  CORE_REQUEST,
  CORE_SITE,
  CORE_SYMBOL,
  CORE_TYPE,
  NAME_SIZE,
} from './core-abi.layout.js';
export { type CoreReply, parseCoreReply } from './core-message.js';
