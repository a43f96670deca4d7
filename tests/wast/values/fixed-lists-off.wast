;;! component_model_fixed_length_lists = false
;; Without the feature the type is refused, not misread.
(assert_invalid (component (type (list u8 4))) "fixed-length lists")
