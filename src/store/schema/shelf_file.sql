-- Each shelf is a table of its own: what is added at the end of a table fills its last page and then the next. At the end of a shelf within an index,
-- three pages were balanced with each other for about every thirtieth beat.
DROP INDEX beat_shelf;

CREATE TABLE shelf_0 (id INTEGER PRIMARY KEY, check_name TEXT NOT NULL) STRICT;
INSERT INTO shelf_0 SELECT id, check_name FROM beat WHERE shelf = 0 ORDER BY id;
CREATE TRIGGER shelf_0_takes AFTER INSERT ON beat WHEN NEW.shelf = 0 BEGIN
  INSERT INTO shelf_0 (id, check_name) VALUES (NEW.id, NEW.check_name);
END;
CREATE TRIGGER shelf_0_forgets AFTER DELETE ON beat WHEN OLD.shelf = 0 BEGIN
  DELETE FROM shelf_0 WHERE id = OLD.id;
END;

CREATE TABLE shelf_1 (id INTEGER PRIMARY KEY, check_name TEXT NOT NULL) STRICT;
INSERT INTO shelf_1 SELECT id, check_name FROM beat WHERE shelf = 1 ORDER BY id;
CREATE TRIGGER shelf_1_takes AFTER INSERT ON beat WHEN NEW.shelf = 1 BEGIN
  INSERT INTO shelf_1 (id, check_name) VALUES (NEW.id, NEW.check_name);
END;
CREATE TRIGGER shelf_1_forgets AFTER DELETE ON beat WHEN OLD.shelf = 1 BEGIN
  DELETE FROM shelf_1 WHERE id = OLD.id;
END;

CREATE TABLE shelf_2 (id INTEGER PRIMARY KEY, check_name TEXT NOT NULL) STRICT;
INSERT INTO shelf_2 SELECT id, check_name FROM beat WHERE shelf = 2 ORDER BY id;
CREATE TRIGGER shelf_2_takes AFTER INSERT ON beat WHEN NEW.shelf = 2 BEGIN
  INSERT INTO shelf_2 (id, check_name) VALUES (NEW.id, NEW.check_name);
END;
CREATE TRIGGER shelf_2_forgets AFTER DELETE ON beat WHEN OLD.shelf = 2 BEGIN
  DELETE FROM shelf_2 WHERE id = OLD.id;
END;

CREATE TABLE shelf_3 (id INTEGER PRIMARY KEY, check_name TEXT NOT NULL) STRICT;
INSERT INTO shelf_3 SELECT id, check_name FROM beat WHERE shelf = 3 ORDER BY id;
CREATE TRIGGER shelf_3_takes AFTER INSERT ON beat WHEN NEW.shelf = 3 BEGIN
  INSERT INTO shelf_3 (id, check_name) VALUES (NEW.id, NEW.check_name);
END;
CREATE TRIGGER shelf_3_forgets AFTER DELETE ON beat WHEN OLD.shelf = 3 BEGIN
  DELETE FROM shelf_3 WHERE id = OLD.id;
END;
