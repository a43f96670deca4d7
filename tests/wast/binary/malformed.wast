;; Bytes that are not the binary format, and where they stop being it.
(component definition binary "\00asm" "\0d\00\01\00")
(assert_malformed (component binary "") "magic header not detected")
(assert_malformed (component binary "\00as") "magic header not detected")
(assert_malformed (component binary "\00asm\0d\00") "unexpected end")
(assert_malformed (component binary "\01asm" "\0d\00\01\00") "magic header not detected")
(assert_malformed (component binary "\00asm" "\0c\00\01\00") "unknown binary version")
;; layer 0 is a core module
(assert_malformed (component binary "\00asm" "\01\00\00\00") "expected a version header for a component, found a core module")
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\63\00") "malformed section id")
;; a section longer than the file
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\07\05\00") "unexpected end")
;; a length of six bytes
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\07\80\80\80\80\80\00") "integer representation too long")
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\07\ff\ff\ff\ff\7f") "integer too large")
;; a section with bytes to spare
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\07\02\00\00") "unexpected")
;; types: one with an unknown opcode
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\07\02\01\01") "invalid leading byte")
;; a count that the rest cannot hold
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\07\05\ff\ff\ff\ff\0f") "exceeds the limit")
;; a custom section whose name is no UTF-8
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\00\02\01\ff") "malformed UTF-8 encoding")
(component definition binary "\00asm" "\0d\00\01\00" "\00\06\04name\ff")
;; an import whose name kind is unknown
(assert_malformed (component binary "\00asm" "\0d\00\01\00" "\0a\06\01\09\01a\01\00") "invalid leading byte")
;; import "a" (func (type 0)) where there is no type
(assert_invalid (component binary "\00asm" "\0d\00\01\00" "\0a\06\01\00\01a\01\00") "index out of bounds")
;; text that is no text
(assert_malformed (component quote "(import)") "expected")
(assert_malformed (component quote "(core module $m (func (result i32) (i32.const)))") "expected")
