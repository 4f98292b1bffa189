from django.db import migrations, models


class Migration(migrations.Migration):
    """The words of a status are made from a compact record. What is stored is of an older engine: computed anew."""

    dependencies = [("outcomes", "0002_confirmed_events")]

    operations = [
        migrations.AddField("trajectory", "record", models.TextField(default=""), preserve_default=False),
        migrations.AlterField("trajectory", "result", models.JSONField(default=dict)),  # so that it can be undone
        migrations.AlterField("trajectory", "points", models.JSONField(default=list)),
        migrations.RemoveField("trajectory", "result"),
        migrations.RemoveField("trajectory", "points"),
    ]
