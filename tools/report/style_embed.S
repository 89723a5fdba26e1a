// tools/report/style_embed.S: the style sheet as bytes of the program, for tools/report/html.cpp.
  .section .rodata
  .global mvmoe_report_style_begin
  .global mvmoe_report_style_end
mvmoe_report_style_begin:
  .incbin "tools/report/style.css"
mvmoe_report_style_end:
  .section .note.GNU-stack, "", %progbits
