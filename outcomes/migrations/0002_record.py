from django.db import migrations, models


class Migration(migrations.Migration):
    """The same column under another name. What it holds is of an older engine: out of date, and computed anew."""

    dependencies = [("outcomes", "0001_initial")]

    operations = [
        migrations.AlterField("trajectory", "result", models.JSONField(db_column="result")),
        migrations.RenameField("trajectory", "result", "record"),
    ]
