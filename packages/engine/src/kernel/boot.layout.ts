// The header of a bzImage. Source: Documentation/x86/boot.rst (arch/x86/ in later trees), "The Real-Mode Kernel Header"; names are those of
// struct setup_header in asm/bootparam.h, which is packed: a test compares the offsets with gcc. The descriptor starts one byte
// before the structure, at SETUP_HEADER_OFFSET, where all fields but the magic are at their natural alignment.

import { bytes, defineLayout } from '../bytes/index.js';

export const SETUP_HEADER_OFFSET = 0x1f0;

export const setup_header = defineLayout('setup_header', {
  before: bytes(1),
  setup_sects: 'u8',
  root_flags: 'u16',
  syssize: 'u32',
  ram_size: 'u16',
  vid_mode: 'u16',
  root_dev: 'u16',
  boot_flag: 'u16',
  jump: 'u16',
  header: bytes(4),
  version: 'u16',
  realmode_swtch: 'u32',
  start_sys_seg: 'u16',
  kernel_version: 'u16',
  type_of_loader: 'u8',
  loadflags: 'u8',
  setup_move_size: 'u16',
  code32_start: 'u32',
  ramdisk_image: 'u32',
  ramdisk_size: 'u32',
  bootsect_kludge: 'u32',
  heap_end_ptr: 'u16',
  ext_loader_ver: 'u8',
  ext_loader_type: 'u8',
  cmd_line_ptr: 'u32',
  initrd_addr_max: 'u32',
  kernel_alignment: 'u32',
  relocatable_kernel: 'u8',
  min_alignment: 'u8',
  xloadflags: 'u16',
  cmdline_size: 'u32',
  hardware_subarch: 'u32',
  hardware_subarch_data: 'u64',
  payload_offset: 'u32',
  payload_length: 'u32',
});
