-- Whoever writes a beat puts it on its shelf as well: see SHELVES in beats.rs.
DROP TRIGGER IF EXISTS shelf_0_takes;
DROP TRIGGER IF EXISTS shelf_1_takes;
DROP TRIGGER IF EXISTS shelf_2_takes;
DROP TRIGGER IF EXISTS shelf_3_takes;
