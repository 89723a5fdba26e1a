// train/data/glyphs_embed.S: the glyphs' file as bytes of the program, for train/data/glyphs.cpp.
  .section .rodata
  .balign 64
  .hidden mvmoe_glyphs_begin  // as everything but the C interface
  .hidden mvmoe_glyphs_end
  .global mvmoe_glyphs_begin
  .global mvmoe_glyphs_end
mvmoe_glyphs_begin:
  .incbin "train/data/glyphs.gz"
mvmoe_glyphs_end:
  .section .note.GNU-stack, "", %progbits
